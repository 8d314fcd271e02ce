import { MigrationInterface, QueryRunner } from 'typeorm';

export class IndexUsersCreatedAt1762214400000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE INDEX idx_users_created_at ON users.users (created_at)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX users.idx_users_created_at`);
  }
}
