import { MigrationInterface, QueryRunner } from 'typeorm';

export class IndexTokensExpiry1763510400000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE INDEX idx_verification_tokens_expires ON users.verification_tokens (expires_at) WHERE used_at IS NULL`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX users.idx_verification_tokens_expires`);
  }
}
