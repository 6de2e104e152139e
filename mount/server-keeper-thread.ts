/** {@link keepServer} in a thread of its own. The one message that it is sent tells it to stop. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type KeeperReport, keepServer } from './server-keeper.ts';

const port = parentPort as MessagePort;

const stop = keepServer(workerData as readonly string[], (report: KeeperReport) => {
  port.postMessage(report);
  if (report.kind !== 'running') port.close();
});
port.once('message', stop);
