export interface StoredFile {
  id: string;
  sha256: string;
  bytes: number;
}

export function isStoredFile(value: Partial<StoredFile>): value is StoredFile {
  return typeof value.id === 'string' && typeof value.sha256 === 'string';
}
