/** Dialogs of clients with Exchange Online's certificate, as data: test/cases/exchange-online/dialogs.txt. */

import { join } from 'node:path';
import { describe, test } from 'vitest';
import { start } from './exchange-fixture.ts';
import { playAgainstUs, readDialogs } from './smtp/dialog.ts';

const FILE = join(import.meta.dirname, '../cases/exchange-online/dialogs.txt');

describe('Exchange Online is answered as written', () => {
  for (const dialog of readDialogs(FILE)) {
    test(dialog.title, async () => {
      const client = await (await start()).client();
      await playAgainstUs(dialog, client);
      client.destroy();
    });
  }
});
