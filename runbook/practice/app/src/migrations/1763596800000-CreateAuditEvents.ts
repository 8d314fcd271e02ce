import { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAuditEvents1763596800000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TABLE users.audit_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event varchar(60) NOT NULL,
        user_id uuid,
        created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
      )`);
    await queryRunner.query(`CREATE INDEX idx_audit_events_created_at ON users.audit_events (created_at)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE users.audit_events`);
  }
}
