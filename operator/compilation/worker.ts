/** The compiling thread: does one thing after the other, and dies of what it cannot do. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { CompilerOptions } from './compiler.ts';
import type { FromThread, ToThread } from './messages.ts';
import { Outbound } from './outbound.ts';
import { Workshop } from './workshop.ts';

function serve(port: MessagePort): void {
  const workshop = new Workshop(workerData as CompilerOptions);
  const outbound = new Outbound();
  const tell = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'update':
        workshop.update(message.changes);
        return;
      case 'restore':
        tell({ type: 'restored', id: message.id, restored: workshop.restore(message.stored) });
        return;
      case 'compile': {
        const compilation = workshop.compile(message.now, message.notKnown);
        for (const each of outbound.compiled(message.id, compilation)) tell(each.message, each.transfer);
        return;
      }
      case 'inForce':
        workshop.inForce(message.namespace, message.fleet, message.revision);
    }
  });
  tell({ type: 'ready' });
}

if (parentPort === null) throw new Error('this file is run as a thread');
serve(parentPort);
