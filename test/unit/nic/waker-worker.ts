/** Wakes its creator's context 60 ms after it was told to begin. */
import { parentPort, workerData } from 'node:worker_threads';
import { Waker } from '../../../nic/index.ts';

const started = new Int32Array(workerData.started);
const waker = Waker.open(workerData.token);
parentPort?.postMessage('ready');
while (Atomics.load(started, 0) === 0);
const untilMs = performance.now() + 60;
while (performance.now() < untilMs);
waker.wake();
waker.close();
