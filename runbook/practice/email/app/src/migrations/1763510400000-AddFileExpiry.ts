import { MigrationInterface, QueryRunner } from 'typeorm';

export class AddFileExpiry1763510400000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE mail.files ADD COLUMN expires_at timestamp`);
    await queryRunner.query(`CREATE INDEX idx_files_expires_at ON mail.files (expires_at)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE mail.files DROP COLUMN expires_at`);
  }
}
