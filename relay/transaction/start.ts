/** What is known of a transaction at MAIL, and does not change until its end. */

import type { Directory } from '../core/directory.ts';
import type { MailParameters, Path } from '../core/envelope.ts';
import type { ClientIdentity } from '../core/source.ts';
import type { TraceKeys } from '../core/trace.ts';
import type { ClientConnection } from '../smtp/session.ts';
import type { Sign } from './edges.ts';

export interface TransactionStart {
  readonly directory: Directory;
  readonly sign: Sign;
  /** undefined: passes are not counted. */
  readonly trace: TraceKeys | undefined;
  readonly client: ClientIdentity;
  readonly connection: ClientConnection;
  readonly queueId: string;
  readonly reversePath: Path;
  readonly parameters: MailParameters;
  /** Evidence of a proven tenant: nothing in it is changed (core/journal.ts). */
  readonly journal: boolean;
}
