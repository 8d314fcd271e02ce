import { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateVerificationTokens1761609600000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TABLE users.verification_tokens (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users.users (id) ON DELETE CASCADE,
        token_type varchar(30) NOT NULL,
        token_hash varchar(64) NOT NULL,
        expires_at timestamp NOT NULL,
        used_at timestamp,
        created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
        CONSTRAINT uq_verification_tokens_hash UNIQUE (token_hash)
      )`);
    await queryRunner.query(`CREATE INDEX idx_verification_tokens_user ON users.verification_tokens (user_id)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE users.verification_tokens`);
  }
}
