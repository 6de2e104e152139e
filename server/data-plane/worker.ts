/** The data plane's thread: see server/serve.ts for the other side of its messages. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Credential } from '../access-control.ts';
import { Handshake } from '../backup/handshake.ts';
import { StoreOpenError } from '../store/index.ts';
import { DataPlane } from './data-plane.ts';
import type { DataPlaneOptions, FromDataPlane, ToDataPlane } from './messages.ts';

if (parentPort === null) {
  throw new Error('the data plane runs as a worker thread only');
}
const port = parentPort;
const options = workerData as DataPlaneOptions;

const send = (message: FromDataPlane): void => port.postMessage(message);

const reportFault = (error: unknown): void =>
  send({
    type: 'fault',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });

/** Password checks that the control side has not answered yet. */
const verifications = new Map<number, (credential: Credential | undefined) => void>();
let lastTicket = 0;

const verifyPassword = (
  name: string,
  password: string,
  done: (credential: Credential | undefined) => void,
): void => {
  lastTicket += 1;
  verifications.set(lastTicket, done);
  send({ type: 'verify', ticket: lastTicket, name, password });
};

/** Does what the control side asks for. @returns false when that is to stop */
function takeMessages(dataPlane: DataPlane): boolean {
  for (;;) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) {
      return true;
    }
    const message = received.message as ToDataPlane;
    switch (message.type) {
      case 'connection':
        dataPlane.connect(message.request);
        break;
      case 'status':
        send({ type: 'status', ticket: message.ticket, status: dataPlane.status() });
        break;
      case 'verified':
        verifications.get(message.ticket)?.(message.credential);
        verifications.delete(message.ticket);
        break;
      case 'snapshot':
        dataPlane.offerSnapshot(new Handshake(message.handshake));
        break;
      case 'stop':
        return false;
    }
  }
}

function open(): DataPlane | undefined {
  try {
    return new DataPlane({
      ...options,
      verifyPassword: options.hasPasswords ? verifyPassword : undefined,
      reportFault,
      reportArrival: () => send({ type: 'arrived' }),
    });
  } catch (error) {
    if (!(error instanceof StoreOpenError)) {
      throw error;
    }
    send({ type: 'refused', code: error.code, message: error.message });
    return undefined;
  }
}

const dataPlane = open();
if (dataPlane !== undefined) {
  send({ type: 'ready', waker: dataPlane.waker() });
  dataPlane.run(() => takeMessages(dataPlane));
  dataPlane.close();
}
port.close();
