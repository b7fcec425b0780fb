import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Postfix, startPostfix } from '../../support/postfix.ts';
import { RawSmtp } from '../../support/raw-smtp.ts';
import { playAgainstPostfix, readDialogs } from './dialog.ts';

const FOLDER = join(import.meta.dirname, '../../cases/smtp');
let postfix: Postfix;

beforeAll(async () => {
  postfix = await startPostfix({ settings: { message_size_limit: '1000000', default_transport: 'discard:' } });
});
afterAll(() => postfix.stop());

for (const file of readdirSync(FOLDER)) {
  describe(`a Postfix answers ${file} with the same codes, but for what is written there`, () => {
    for (const dialog of readDialogs(join(FOLDER, file)).filter(({ skipOnPostfix }) => !skipOnPostfix)) {
      test(dialog.title, async () => {
        const client = await RawSmtp.open(postfix.address, postfix.port);
        await client.read();
        await playAgainstPostfix(dialog, client);
        client.destroy();
      });
    }
  });
}
