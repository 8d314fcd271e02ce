import { MigrationInterface, QueryRunner } from 'typeorm';

export class IndexMessagesCreatedAt1763424000000 implements MigrationInterface {
  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE INDEX idx_messages_created_at ON mail.messages (created_at)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX mail.idx_messages_created_at`);
  }
}
