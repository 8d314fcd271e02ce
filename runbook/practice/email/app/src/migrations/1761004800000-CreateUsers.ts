import { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateUsers1761004800000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE SCHEMA IF NOT EXISTS users`);
    await queryRunner.query(`GRANT USAGE ON SCHEMA users TO email_app`);
    await queryRunner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA users GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO email_app`);
    await queryRunner.query(`CREATE TABLE users.users (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        email varchar(255) NOT NULL,
        password_hash varchar(255) NOT NULL,
        first_name varchar(100),
        last_name varchar(100),
        email_verified boolean NOT NULL DEFAULT false,
        created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
        updated_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
        CONSTRAINT uq_users_email UNIQUE (email)
      )`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE users.users`);
  }
}
