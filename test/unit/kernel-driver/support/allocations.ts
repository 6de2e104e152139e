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

/** Samples what `action` allocates on the heap of this thread. */
export async function allocationsOf(action: () => void): Promise<Allocations> {
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
    return summary(profile.head);
  } finally {
    session.disconnect();
  }
}

function summary(head: SampledNode): Allocations {
  const byFunction = new Map<string, number>();
  const add = ({ callFrame, selfSize, children }: SampledNode): void => {
    // The sampling itself is not what is measured.
    if (callFrame.url.startsWith('node:inspector')) return;
    const name = `${callFrame.functionName} in ${callFrame.url.split('/').at(-1)}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + selfSize);
    children.forEach(add);
  };
  add(head);
  const sorted = [...byFunction].sort(([, left], [, right]) => right - left);
  return {
    bytes: sorted.reduce((sum, [, bytes]) => sum + bytes, 0),
    largest: sorted.slice(0, 5).map(([name, bytes]) => `${bytes} bytes: ${name}`),
  };
}
