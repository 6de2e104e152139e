import type Database from 'better-sqlite3';
import type { Intent, IntentLog, Value } from './intent-log.ts';

/** A statement that changes rows. */
export class Change<Values extends Value[]> {
  readonly #statement: Database.Statement<Values>;
  readonly #sql: Uint8Array;
  readonly #intents: IntentLog;

  constructor(statement: Database.Statement<Values>, intents: IntentLog) {
    this.#statement = statement;
    this.#sql = Buffer.from(statement.source, 'latin1');
    this.#intents = intents;
  }

  /** Makes the change and records it. @returns the number of rows that it changed. */
  run(...values: Values): number {
    const { changes } = this.#statement.run(...values);
    this.record(values);
    return changes;
  }

  /** Records the change only. Who does that makes it before the database commits. */
  record(values: Values): void {
    this.#intents.record(this.#sql, values);
  }

  /** Makes a change that has been recorded. */
  make(values: Values): void {
    this.#statement.run(...values);
  }
}

/** A statement that changes rows and ends in a commit of the database: data are too bulky to record. */
export class UnrecordedChange<Values extends Value[]> {
  readonly #statement: Database.Statement<Values>;
  readonly #intents: IntentLog;

  constructor(statement: Database.Statement<Values>, intents: IntentLog) {
    this.#statement = statement;
    this.#intents = intents;
  }

  run(...values: Values): void {
    this.#intents.omit();
    this.#statement.run(...values);
  }
}

/**
 * Prepares the statements of the store, each as what it is: nothing can change a row without the
 * intent log knowing of it. A LIMIT is written into the statement: bound to a parameter, SQLite plans
 * the statement anew each time it runs.
 */
export class Statements {
  readonly #database: Database.Database;
  readonly #intents: IntentLog;

  constructor(database: Database.Database, intents: IntentLog) {
    this.#database = database;
    this.#intents = intents;
  }

  /** A statement that changes nothing. */
  query<Values extends unknown[], Row = unknown>(sql: string): Database.Statement<Values, Row> {
    const statement = this.#database.prepare<Values, Row>(sql);
    if (!statement.readonly) {
      throw new Error(`this is no query: ${sql}`);
    }
    return statement;
  }

  /** A statement that does the same whenever it runs over the same rows. */
  change<Values extends Value[]>(sql: string): Change<Values> {
    return new Change(this.#database.prepare<Values>(sql), this.#intents);
  }

  unrecordedChange<Values extends Value[]>(sql: string): UnrecordedChange<Values> {
    return new UnrecordedChange(this.#database.prepare<Values>(sql), this.#intents);
  }
}

/** Makes recorded changes again, in the transaction that is open; data among them are not its business. */
export function makeAgain(database: Database.Database, intents: readonly Intent[]): void {
  const statements = new Map<string, Database.Statement>();
  for (const { sql, values } of intents) {
    if (sql === '') {
      continue;
    }
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    statement.run(...values);
  }
}
