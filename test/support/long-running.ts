import type { Reporter, TestModule } from 'vitest/node';

const minuteMs = 60_000;

/**
 * Names the test files that have taken a minute and more, once a minute: what hangs is known then,
 * also when the run is ended from outside and leaves no report.
 */
export default class LongRunning implements Reporter {
  readonly #running = new Map<
    string,
    { readonly module: TestModule; readonly startedMs: number }
  >();
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.#tell(), minuteMs);
  }

  onTestModuleQueued(testModule: TestModule): void {
    const startedMs = performance.now();
    this.#running.set(testModule.moduleId, { module: testModule, startedMs });
  }

  onTestModuleEnd(testModule: TestModule): void {
    this.#running.delete(testModule.moduleId);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  #tell(): void {
    for (const { module, startedMs } of this.#running.values()) {
      const { relativeModuleId, children } = module;
      const ranMs = performance.now() - startedMs;
      if (ranMs >= minuteMs) {
        const tests = [...children.allTests()];
        const pending = tests.find((test) => test.result().state === 'pending')?.fullName ?? '';
        console.log(` … ${relativeModuleId}: ${Math.round(ranMs / 1000)} s ${pending}`);
      }
    }
  }
}
