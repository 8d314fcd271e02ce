import { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateMail1762214400000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE SCHEMA IF NOT EXISTS mail`);
    await queryRunner.query(`GRANT USAGE ON SCHEMA mail TO email_app`);
    await queryRunner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA mail GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO email_app`);
    await queryRunner.query(`CREATE TABLE mail.messages (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users.users (id) ON DELETE CASCADE,
        body bytea NOT NULL,
        created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
      )`);
    await queryRunner.query(`CREATE TABLE mail.files (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users.users (id) ON DELETE CASCADE,
        name varchar(255) NOT NULL,
        sha256 char(64) NOT NULL,
        bytes integer NOT NULL,
        content bytea NOT NULL,
        created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
      )`);
    await queryRunner.query(`CREATE INDEX idx_messages_user ON mail.messages (user_id)`);
    await queryRunner.query(`CREATE INDEX idx_files_user ON mail.files (user_id)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP SCHEMA mail CASCADE`);
  }
}
