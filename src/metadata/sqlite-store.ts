/**
 * The store of a broker with a data directory: one SQLite file, `metadata.sqlite`.
 *
 *   record   key, text, crc32 of both: one durable entity each, see entity.ts and record-json.ts
 *   fact     name, value: `node_id`, and `queue_id_limit`, below which ids may have been given out
 *
 * Commits go to a write-ahead log. SQLite itself syncs the log before a checkpoint, and the file after it (synchronous=NORMAL);
 * the sync of each commit is done here, beside the event loop, and for all that was committed until then: see
 * docs/decisions/0019-sync-beside-the-loop.md for why that keeps as much as synchronous=FULL.
 *
 * The exclusive lock keeps a second broker off the same directory and goes with the process, however that ends.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { type Sync, syncDirectory, systemSync } from '../runtime/disk.ts';
import { describeHolder } from '../runtime/pid-file.ts';
import { type Slices, type Steps, whole } from '../runtime/slices.ts';
import { EmbeddedStore, FIRST_QUEUE_ID, type Kept, type Medium, type Row } from './embedded-store.ts';
import { ENTITY_KINDS, type EntityKind, type Put } from './entity.ts';
import { MetadataError, type MetadataStore } from './port.ts';
import { decodeRecord, kindOfKey } from './record-json.ts';

export const METADATA_FILE_NAME = 'metadata.sqlite';

export interface SqliteStoreOptions {
  /** The data directory; it exists. */
  readonly directory: string;
  /** The cluster's name until the global parameter `cluster_name` is set. */
  readonly clusterName: string;
  /** For what is long, while messages are served; without it all is done at once. */
  readonly slices?: Slices;
  /** Syncs what was committed, beside the event loop. */
  readonly sync?: Sync;
}

/** What this code writes and reads. A larger number is a newer Leveret's. */
const SCHEMA_VERSION = 1;

/** 'Levr', so that no other program's file is taken for ours. */
const APPLICATION_ID = 0x4c657672;

const SCHEMA = `
  CREATE TABLE record (key TEXT PRIMARY KEY, text TEXT NOT NULL, crc32 INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE fact (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * Opens the store of a data directory; makes it when there is none.
 * @throws MetadataError that names the file: unavailable (in use, not to be written), corrupt, newer
 */
export function openSqliteStore(options: SqliteStoreOptions): MetadataStore {
  const path = join(options.directory, METADATA_FILE_NAME);
  const database = attempt(path, () => new DatabaseSync(path));
  let opened: { close(): void } = database;
  try {
    return attempt(path, () => {
      prepareFile(database, path);
      const kept = readKept(database, path);
      const medium = new SqliteMedium(database, path, options.sync ?? systemSync);
      opened = medium;
      return openStore(medium, kept, options, path);
    });
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** An entity without what it hangs on was not left so by us. */
function openStore(
  medium: Medium,
  kept: Kept,
  { clusterName, slices }: SqliteStoreOptions,
  path: string,
): MetadataStore {
  try {
    return new EmbeddedStore(medium, kept, clusterName, slices ?? null);
  } catch (error) {
    if (error instanceof MetadataError) throw damaged(path, error.message, { cause: error });
    throw error;
  }
}

class SqliteMedium implements Medium {
  readonly nodeId: string;
  readonly keeps = true;
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #setFact: StatementSync;
  readonly #sync: Sync;
  /** SQLite's write-ahead log, opened once more to be synced. It is the same file as long as the database is open. */
  readonly #log: number;
  #isSyncing = false;
  #isClosed = false;
  /** Why nothing is written any more. */
  #broken: MetadataError | null = null;
  /** Ids were given out below it, and the transaction that was to keep this has not ended, or has failed; else 0. */
  #owedLimit = 0;

  constructor(database: DatabaseSync, path: string, sync: Sync) {
    this.#database = database;
    this.#path = path;
    this.#sync = sync;
    this.#put = database.prepare('INSERT OR REPLACE INTO record (key, text, crc32) VALUES (?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM record WHERE key = ?');
    this.#setFact = database.prepare('INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)');
    this.nodeId = String(readFact(database, path, 'node_id'));
    this.#log = openSync(`${path}-wal`, 'r+');
    const fault = this.syncNow();
    if (fault !== null) throw fault;
    syncDirectory(dirname(path));
  }

  *write(rows: Iterable<Row>): Steps {
    if (this.#broken !== null) throw this.#broken;
    yield* this.#writeAll(rows);
  }

  takeBack(rows: Iterable<Row>): MetadataError | null {
    try {
      whole(this.#writeAll(rows));
      fdatasyncSync(this.#log);
      return null;
    } catch (error) {
      const text = `what was refused may be found there at the next start: it was not taken back (${(error as Error).message})`;
      return new MetadataError('unavailable', text, { cause: error });
    }
  }

  *#writeAll(rows: Iterable<Row>): Steps {
    this.#attempt('BEGIN IMMEDIATE');
    try {
      if (this.#owedLimit > 0) this.reserveQueueIds(this.#owedLimit);
      for (const row of rows) {
        attempt(this.#path, () => this.#writeRow(row));
        yield;
      }
      this.#attempt('COMMIT');
      this.#owedLimit = 0;
    } finally {
      // SQLite has rolled back by itself where the fault was a full disk or an I/O error.
      if (this.#database.isTransaction) this.#attempt('ROLLBACK');
    }
  }

  #writeRow({ key, text }: Row): void {
    if (text === null) this.#delete.run(key);
    else this.#put.run(key, text, checksumOf(key, text));
  }

  async synced(): Promise<MetadataError | null> {
    this.#isSyncing = true;
    const error = await new Promise<Error | null>((done) => this.#sync(this.#log, done));
    this.#isSyncing = false;
    if (this.#isClosed) closeSync(this.#log);
    // A fault is told once: another sync may have been told of what this one was for.
    return error === null ? this.#broken : this.#breakOn(error);
  }

  syncNow(): MetadataError | null {
    try {
      fdatasyncSync(this.#log);
      return null;
    } catch (error) {
      return this.#breakOn(error as Error);
    }
  }

  /**
   * What a failed sync has left in the log, nobody knows, and the system may not try to write it again: whatever stood behind it
   * could be lost. What was synced before is found at the next start.
   */
  #breakOn(error: Error): MetadataError {
    const advice = 'nothing is declared any more until the broker is started again';
    const text = `${this.#path} cannot be used: a sync failed (${error.message}), and ${advice}`;
    this.#broken ??= new MetadataError('unavailable', text, { cause: error });
    return this.#broken;
  }

  reserveQueueIds(limit: number): void {
    // Nothing that is kept gets an id any more.
    if (this.#broken !== null) return;
    attempt(this.#path, () => this.#setFact.run('queue_id_limit', limit));
    const { isTransaction } = this.#database;
    this.#owedLimit = isTransaction ? limit : 0;
    const fault = isTransaction ? null : this.syncNow();
    if (fault !== null) throw fault;
  }

  /** SQLite syncs all that was committed, and takes it from the log into the file. */
  close(): void {
    this.#isClosed = true;
    this.#database.close();
    if (!this.#isSyncing) closeSync(this.#log);
  }

  #attempt(sql: string): void {
    attempt(this.#path, () => this.#database.exec(sql));
  }
}

/** Refuses what is not ours before anything is written, then sets the file up. */
function prepareFile(database: DatabaseSync, path: string): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  const isNew = checkVersion(database, path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  if (isNew) create(database, path);
  const found = database.prepare('PRAGMA quick_check(1)').get()!.quick_check;
  if (found !== 'ok') throw damaged(path, String(found));
}

/** @returns true for an empty file */
function checkVersion(database: DatabaseSync, path: string): boolean {
  const version = Number(database.prepare('PRAGMA user_version').get()!.user_version);
  const application = database.prepare('PRAGMA application_id').get()!.application_id;
  const tables = Number(database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()!.count);
  if (version === 0 && application === 0 && tables === 0) return true;
  if (application !== APPLICATION_ID) throw damaged(path, 'another program wrote it');
  if (version > SCHEMA_VERSION) {
    const advice = `has schema version ${version}, and this Leveret reads up to ${SCHEMA_VERSION}: start the newer Leveret`;
    throw new MetadataError('newer', `${path} ${advice}`);
  }
  return false;
}

function create(database: DatabaseSync, path: string): void {
  transaction(database, () => {
    database.exec(SCHEMA);
    const insert = database.prepare('INSERT INTO fact (name, value) VALUES (?, ?)');
    insert.run('node_id', randomUUID());
    insert.run('queue_id_limit', FIRST_QUEUE_ID);
  });
  syncDirectory(join(path, '..'));
}

/** Parents come before their children because the kinds do. @throws MetadataError corrupt */
function readKept(database: DatabaseSync, path: string): Kept {
  const puts = new Map<EntityKind, Put[]>(ENTITY_KINDS.map((kind) => [kind, []]));
  for (const row of database.prepare('SELECT key, text, crc32 FROM record').iterate()) {
    const key = String(row.key);
    const text = String(row.text);
    if (checksumOf(key, text) !== row.crc32) throw damaged(path, `the checksum of ${key} is wrong`);
    const kind = kindOfKey(key);
    puts.get(kind)!.push(decodeRecord(kind, text));
  }
  const nextQueueId = Number(readFact(database, path, 'queue_id_limit'));
  return { puts: [...puts.values()].flat(), nextQueueId };
}

function readFact(database: DatabaseSync, path: string, name: string): SQLOutputValue {
  const row = database.prepare('SELECT value FROM fact WHERE name = ?').get(name);
  if (row === undefined) throw damaged(path, `the fact ${name} is missing`);
  return row.value!;
}

function checksumOf(key: string, text: string): number {
  return crc32(text, crc32(key));
}

function transaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    // SQLite has rolled back by itself where the fault was a full disk or an I/O error.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Turns what SQLite says into a MetadataError that names the file. */
function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw faultOf(path, error);
  }
}

function faultOf(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error;
  const options = { cause: error };
  // The low octet of SQLite's extended codes is the plain one.
  const code = Number(error.errcode) & 0xff;
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) return damaged(path, error.message, options);
  if (code === SQLITE_BUSY) {
    const advice = `is in use by ${describeHolder(dirname(path))}: stop it, or choose another data directory`;
    return new MetadataError('unavailable', `${path} ${advice}`, options);
  }
  return new MetadataError('unavailable', `${path} cannot be used: ${error.message}`, options);
}

function damaged(path: string, reason: string, options?: ErrorOptions): MetadataError {
  return new MetadataError('corrupt', `${path} is damaged: ${reason}`, options);
}
