import { MigrationInterface, QueryRunner } from 'typeorm';

export class AddUserLocale1763424000000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE users.users ADD COLUMN locale varchar(10) NOT NULL DEFAULT 'en'`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE users.users DROP COLUMN locale`);
  }
}
