/** A worker process: one relay that does what its parent says and ends with it. */

import { openLines } from './tracking/tracking.ts';
import { Relay } from './main.ts';
import type { Answers, FromWorker, ToWorker } from './worker-messages.ts';

let relay: Relay | undefined;
const lines = openLines({ destination: 1, onLost: () => relay?.metrics.linesLost.add() });

function tell(message: FromWorker): void {
  process.send?.(message);
}

async function answer(running: Relay, what: keyof Answers): Promise<Answers[keyof Answers]> {
  switch (what) {
    case 'status':
      return running.status();
    case 'metrics':
      return { contentType: running.metrics.contentType, snapshot: await running.metrics.snapshot() };
  }
}

async function obey(message: ToWorker): Promise<void> {
  if (message.type === 'start') {
    const onDelivered = (key: string) => tell({ type: 'delivered', key });
    relay = new Relay({ ...message.options, lines, onDelivered }, message.configuration);
    await relay.listen();
    tell({ type: 'started', addresses: relay.addresses });
    return;
  }
  if (relay === undefined) throw new Error(`${message.type} came before start`);
  switch (message.type) {
    case 'apply':
      tell({ type: 'applied', id: message.id, result: relay.apply(message.configuration) });
      return;
    case 'ask':
      tell({ type: 'answer', id: message.id, answer: await answer(relay, message.what) });
      return;
    case 'delivered':
      relay.learnDelivered(message.key);
      return;
    case 'drain':
      await relay.drain(message.moreSeconds);
      await lines.flush();
      process.exit(0);
  }
}

process.on('message', (message: ToWorker) => {
  obey(message).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    tell({ type: 'failed', reason: error instanceof Error ? error.message : String(error), code });
  });
});
// A terminal sends its signals to the whole group: the parent decides when to drain.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// Without its parent nobody would ever tell it to end: what is past its dot is delivered, the rest is let go.
process.on('disconnect', () => {
  if (relay === undefined) process.exit(1);
  void relay.drain().then(() => process.exit(1));
});
