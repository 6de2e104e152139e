import { Session } from 'node:inspector/promises';

/** On average every so many bytes one allocation is looked at. */
const SAMPLING_INTERVAL_BYTES = 256;

interface SampledNode {
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly selfSize: number;
  readonly children: readonly SampledNode[];
}

/** What a piece of work allocates, whether it was collected meanwhile or not. */
export interface Allocations {
  readonly bytes: number;
  /** The functions that allocated most, for whoever has to find out why. */
  readonly largest: readonly string[];
}

/**
 * Samples what `action` allocates on the heap of this thread, in code of these rooms. What it does
 * while it waits for others (nic) depends on how long they take.
 */
export async function allocationsOf(
  rooms: readonly string[],
  action: () => void,
): Promise<Allocations> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: SAMPLING_INTERVAL_BYTES,
      includeObjectsCollectedByMinorGC: true,
      includeObjectsCollectedByMajorGC: true,
    });
    action();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return summary(profile.head, rooms);
  } finally {
    session.disconnect();
  }
}

function summary(head: SampledNode, rooms: readonly string[]): Allocations {
  const byFunction = new Map<string, number>();
  const add = ({ callFrame: { functionName, url }, selfSize, children }: SampledNode): void => {
    children.forEach(add);
    if (!rooms.some((room) => url.includes(`/${room}/`))) return;
    const name = `${functionName} in ${url.split('/').at(-1)}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + selfSize);
  };
  add(head);
  const sorted = [...byFunction].sort(([, left], [, right]) => right - left);
  return {
    bytes: sorted.reduce((sum, [, bytes]) => sum + bytes, 0),
    largest: sorted.slice(0, 5).map(([name, bytes]) => `${bytes} bytes: ${name}`),
  };
}
