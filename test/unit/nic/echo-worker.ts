/** Accepts the request that it is sent and echoes the first four bytes of every message. */
import { parentPort } from 'node:worker_threads';
import {
  Access,
  Arena,
  ConnectionRequest,
  Context,
  createWorkCompletions,
  type DetachedRequest,
  Opcode,
  QueuePairState,
} from '../../../nic/index.ts';

parentPort?.once('message', (detached: DetachedRequest) => {
  const context = Context.open();
  const domain = context.allocateProtectionDomain();
  const queue = context.createCompletionQueue(64);
  const group = context.createCompletionGroup();
  group.add(queue);
  const queuePair = domain.createQueuePair({
    sendCq: queue,
    receiveCq: queue,
    maxSendWr: 16,
    maxReceiveWr: 16,
    maxMessageBytes: 64,
  });
  const arena = Arena.create(4096, 'none');
  const { lkey, address } = domain.registerMemory(arena, 0, 4096, Access.LOCAL_WRITE);
  queuePair.modify(QueuePairState.INIT);
  for (let wrId = 0; wrId < 16; wrId++) queuePair.postReceive(wrId, { lkey, address, length: 64 });
  const request = ConnectionRequest.attach(detached);
  request.accept(queuePair, Buffer.concat([Buffer.from('heard: '), request.privateData]));
  parentPort?.postMessage('accepted');
  const completions = createWorkCompletions(4);
  const sgList = [{ lkey, address, length: 4 }];
  while (queuePair.state === QueuePairState.RTS) {
    const count = group.wait(completions, 500);
    for (const { wrId, status, opcode } of completions.slice(0, count)) {
      if (status !== 0 || opcode < 128) continue;
      queuePair.postReceive(wrId, { lkey, address, length: 64 });
      queuePair.postSend({ wrId: 0, opcode: Opcode.SEND, flags: 0, sgList });
    }
  }
  context.close();
  arena.close();
});
