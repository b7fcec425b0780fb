import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { startFront } from '../../../relay/smtp/front.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { playAgainstUs, readDialogs } from './dialog.ts';
import { frontOptions, RecordingSessions } from './recording-sessions.ts';

const FOLDER = join(import.meta.dirname, '../../cases/smtp');

for (const file of readdirSync(FOLDER)) {
  describe(`${file} is answered as written`, () => {
    for (const dialog of readDialogs(join(FOLDER, file))) {
      test(dialog.title, async () => {
        const front = await startFront(frontOptions(new RecordingSessions()));
        const [address] = front.addresses;
        const client = await RawSmtp.open('127.0.0.1', address?.port ?? 0);
        await client.read();
        await playAgainstUs(dialog, client);
        client.destroy();
        await front.close();
      });
    }
  });
}
