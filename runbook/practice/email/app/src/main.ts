import { isStoredFile } from './api/files';

export function describe(value: object): string {
  return isStoredFile(value) ? `file ${value.id}` : 'something else';
}
