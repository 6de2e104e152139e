import fc from 'fast-check';

// A property that fails is shrunk, and that may take hours where each run takes a moment of the
// disk. What has been found until then is told; a property that has not come to its end fails too.
fc.configureGlobal({ interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true });
