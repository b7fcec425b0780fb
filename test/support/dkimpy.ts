/** Verifies DKIM signatures with dkimpy, with public keys from a table in place of DNS. */

import { spawnSync } from 'node:child_process';
import { ensurePackages } from './debian.ts';

// Debian's own Python: another one that stands before it on the PATH does not see Debian's packages.
const PYTHON = '/usr/bin/python3';
const SCRIPT = `
import dkim, json, sys
keys = json.loads(sys.argv[1])
message = sys.stdin.buffer.read()
lookup = lambda name, timeout=5: keys.get(name.decode().rstrip('.'), '').encode()
count = sum(1 for line in message.split(b'\\r\\n\\r\\n')[0].split(b'\\r\\n') if line.lower().startswith(b'dkim-signature:'))
verifier = dkim.DKIM(message)
def verify(index):
    try:
        return bool(verifier.verify(idx=index, dnsfunc=lookup))
    except dkim.ValidationError:
        return False
print(json.dumps([verify(index) for index in range(count)]))
`;

/** One value a DKIM-Signature field, from the top. `keys` are the texts of TXT records by their names. */
export function verifyWithDkimpy(message: Uint8Array, keys: Readonly<Record<string, string>>): boolean[] {
  ensurePackages(['python3-dkim']);
  const seen = spawnSync(PYTHON, ['-c', SCRIPT, JSON.stringify(keys)], { input: message, encoding: 'utf8' });
  if (seen.status !== 0) throw new Error(`dkimpy failed: ${seen.stderr}`);
  return JSON.parse(seen.stdout);
}
