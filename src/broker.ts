/**
 * The composition root: what a broker is made of, and how it starts and stops. The only file that knows everything.
 *
 * ```ts
 * const broker = await startBroker({ port: 0, memory: true });
 * // connect any AMQP 0-9-1 client to broker.url
 * await broker.stop();
 * ```
 */
import { resolve } from 'node:path';
import type { Authenticator } from './auth/access.ts';
import { Accounts } from './auth/accounts.ts';
import { firstUser } from './auth/first-user.ts';
import { AccountAuthenticator } from './auth/login.ts';
import { mechanismsNamed } from './auth/mechanisms.ts';
import { Permissions } from './auth/permissions.ts';
import { DEFAULT_ALARMS, type ResourceLimit } from './config/alarm-options.ts';
import { compactionOptions } from './config/compaction-options.ts';
import { DEFAULT_LIMITS, type Limits } from './config/limits.ts';
import { DEFAULT_NODE_NAME, readNodeName } from './config/node-name.ts';
import { type Counting, countingOf, DEFAULT_STATISTICS, type StatisticsOptions } from './config/statistics-options.ts';
import { closeAbandoned } from './connection/abandoned.ts';
import { Connections } from './connection/connections.ts';
import type { ConnectionContext } from './connection/context.ts';
import { LateReturns } from './connection/late-returns.ts';
import { type Accepted, type Listener, type ListenerOptions, Listeners, listenersOf } from './connection/listeners.ts';
import { liveMessages } from './connection/live-messages.ts';
import { Maintenance } from './connection/maintenance.ts';
import { ChunkPool } from './connection/out-buffer.ts';
import { Pids } from './connection/pids.ts';
import { ReplyTargets } from './connection/reply-targets.ts';
import { serverProperties } from './connection/server-properties.ts';
import { shownCertificate } from './connection/shown-certificate.ts';
import { Ticker } from './connection/ticker.ts';
import type { TlsCertificates } from './connection/tls-certificates.ts';
import { Turn } from './connection/turn.ts';
import type { Broker, BrokerOptions } from './embedding.ts';
import type { Events } from './events/events.ts';
import { type HttpListeners, urlOf } from './http/http-listeners.ts';
import type { ManagementServer } from './management/server.ts';
import type { BrokerSources, NodeControl, ShownListener } from './management/sources.ts';
import { bootstrap, completeVhosts, endTracing } from './metadata/bootstrap.ts';
import { openMemoryStore } from './metadata/memory-store.ts';
import { MetadataLog } from './metadata/metadata-log.ts';
import type { Change, MetadataStore } from './metadata/port.ts';
import { openSqliteStore } from './metadata/sqlite-store.ts';
import type { AlarmCause } from './metrics/alarms.ts';
import { AuthAttempts } from './metrics/auth-attempts.ts';
import { Churn } from './metrics/churn.ts';
import { type ResourceFigures, Resources } from './metrics/resources.ts';
import { SEGMENT_BYTES } from './queues/delay-block.ts';
import { DelayMover } from './queues/delay-mover.ts';
import { Application } from './runtime/application.ts';
import { type Clock, systemClock } from './runtime/clock.ts';
import { CountedDisk } from './runtime/counted-disk.ts';
import { openDataDirectory } from './runtime/data-directory.ts';
import { systemDisk } from './runtime/disk.ts';
import type { Log, LogOutput } from './runtime/log.ts';
import { Logs } from './runtime/logs.ts';
import { freeDiskBytes, systemMemory } from './runtime/machine.ts';
import { writePidFile } from './runtime/pid-file.ts';
import { Slices, whole } from './runtime/slices.ts';
import { DelayFiles } from './storage/delay-files.ts';
import { MessageStore } from './storage/message-store.ts';
import { PlainSegmentWriter, ThreadedSegmentWriter } from './storage/segment-writer.ts';
import { DEFAULT_MESSAGE_MEMORY, storeSizes } from './storage/store-sizes.ts';
import { VERSION } from './version.ts';
import { adoptRecovered } from './vhost/adoption.ts';
import { checkedDefinitions, importDefinitions } from './vhost/definition-import.ts';
import { eraseAll } from './vhost/erasing.ts';
import { Vhosts } from './vhost/vhosts.ts';

export type * from './embedding.ts';
export { VERSION } from './version.ts';

/** @throws Error that says what to do: the port is in use, the directory is another broker's, the data is a newer version's. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = new RunningBroker(options);
  try {
    await broker.start();
  } catch (error) {
    await broker.stop();
    throw error;
  }
  return broker;
}

class RunningBroker implements Broker {
  readonly dataDir: string | null;
  users: readonly string[] = [];
  damage: readonly string[] = [];
  readonly #options: BrokerOptions;
  readonly #clock: Clock = systemClock;
  readonly #log: Log;
  readonly logs: Logs;
  readonly #limits: Limits;
  readonly #connections = new Connections();
  readonly #churn = new Churn();
  readonly #pids: Pids;
  readonly #lateReturns = new LateReturns();
  #events: Events | null = null;
  readonly #slices = new Slices(
    () => this.#turn?.hasten(),
    () => this.#turn?.isBusy === true,
  );
  readonly #application = new Application(
    () => this.#startApplication(),
    () => this.#stopApplication(),
  );
  #addresses: readonly ListenerOptions[] = [];
  readonly #maintenance = new Maintenance(this.#connections, () => this.#listeners);
  #logExchange: LogOutput | null = null;
  #certificates: TlsCertificates | null = null;
  #listeners: Listeners | null = null;
  #metadata: MetadataStore | null = null;
  #context: ConnectionContext | null = null;
  #accounts: Accounts | null = null;
  #store: MessageStore | null = null;
  #delayFiles: DelayFiles | null = null;
  readonly #delayMover: DelayMover;
  #vhosts: Vhosts | null = null;
  #turn: Turn | null = null;
  #ticker: Ticker | null = null;
  #removePidFile: (() => void) | null = null;
  #management: ManagementServer | null = null;
  #prometheus: HttpListeners | null = null;
  /** Null where nobody asks what is written. */
  readonly #countedDisk: CountedDisk | null;
  readonly #nodeName: string;
  readonly #resources: Resources;
  readonly #statistics: StatisticsOptions;
  #stopping: Promise<void> | null = null;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#nodeName = readNodeName(options.nodeName ?? DEFAULT_NODE_NAME);
    this.dataDir = options.memory === true ? null : resolve(options.dataDir ?? 'data');
    this.logs = new Logs(options, this.#clock);
    this.#log = this.logs.log;
    this.#pids = new Pids(this.#nodeName, this.#clock.nowMs());
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#delayMover = new DelayMover(
      options.disk === undefined ? new ThreadedSegmentWriter(this.#log) : new PlainSegmentWriter(options.disk),
    );
    this.#countedDisk = options.prometheus === undefined ? null : new CountedDisk(options.disk ?? systemDisk);
    this.#statistics = { ...DEFAULT_STATISTICS, ...options.statistics };
    this.#resources = this.#watchedResources();
  }

  #watchedResources(): Resources {
    const { dataDir } = this;
    return new Resources({
      clock: this.#clock,
      log: this.#log,
      nodeName: this.#nodeName,
      memory: systemMemory,
      freeDiskBytes: dataDir === null ? null : () => freeDiskBytes(dataDir),
      settings: { ...DEFAULT_ALARMS, ...this.#options.alarms },
      changed: (cause) => this.#alarmChanged(cause),
      lowChanged: (resource, isLow) => this.#events?.resourceChanged(resource, isLow),
      reclaim: () => this.#store?.releaseMemory(),
    });
  }

  resources(): ResourceFigures {
    return this.#resources.figures();
  }

  setMemoryHighWatermark(watermark: ResourceLimit): void {
    this.#resources.setMemoryHighWatermark(watermark);
  }

  async setDiskFreeLimit(limit: ResourceLimit): Promise<void> {
    await this.#resources.setDiskFreeLimit(limit);
  }

  get url(): string {
    const user = encodeURIComponent(this.#options.defaultUser ?? 'guest');
    const password = encodeURIComponent(this.#options.defaultPassword ?? 'guest');
    const [{ protocol, host, port }] = this.listeners as [Listener];
    const { defaultVhost = '/' } = this.#options;
    const vhost = defaultVhost === '/' ? '' : `/${encodeURIComponent(defaultVhost)}`;
    return `${protocol}://${user}:${password}@${host.includes(':') ? `[${host}]` : host}:${port}${vhost}`;
  }

  get host(): string {
    return this.listeners[0]?.host ?? '';
  }

  get port(): number {
    return this.listeners[0]?.port ?? 0;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners?.all ?? [];
  }

  get #allCertificates(): TlsCertificates[] {
    const all = [this.#certificates, this.#management?.http?.certificates, this.#prometheus?.certificates];
    return all.filter((certificates) => certificates !== null && certificates !== undefined);
  }

  get hasCertificates(): boolean {
    return this.#allCertificates.length > 0;
  }

  reloadCertificates(): string | null {
    const faults = this.#allCertificates.map((certificates) => certificates.reload());
    return faults.find((fault) => fault !== null) ?? null;
  }

  get managementUrl(): string | null {
    const [listener] = this.#management?.http?.open ?? [];
    return listener === undefined ? null : urlOf(listener);
  }

  get #isObserved(): boolean {
    return this.#options.management !== undefined || this.#options.prometheus !== undefined;
  }

  get #counting(): Counting {
    return countingOf(this.#statistics, this.#isObserved);
  }

  get prometheusUrl(): string | null {
    const [listener] = this.#prometheus?.open ?? [];
    return listener === undefined ? null : `${urlOf(listener)}${this.#options.prometheus?.path ?? '/metrics'}`;
  }

  get controlSocket(): string | null {
    return this.#management?.controlSocket ?? null;
  }

  async start(): Promise<void> {
    const { logging } = this.#options;
    if (logging?.syslog !== undefined) await this.logs.openSyslog(logging.syslog);
    this.#addresses = listenersOf(this.#options);
    if (this.#addresses.some(({ tls }) => tls)) this.#certificates = await this.#openCertificates();
    await this.#application.start();
    await this.#startManagement();
    this.#log.info('broker', 'Server startup complete');
  }

  /** All that clients are served with. */
  async #startApplication(): Promise<void> {
    const metadata = await this.#openMetadata();
    const { logging } = this.#options;
    if (logging?.file !== undefined && this.logs.files.length === 0) this.logs.openFiles(logging.file, this.#nodeName);
    const turn = new Turn(this.#clock);
    this.#turn = turn;
    this.#store = this.#openStore(turn);
    turn.store = this.#store;
    this.damage = this.#store.damage;
    const vhosts = this.#restore(metadata, turn, this.#store);
    this.#logBanner();
    await this.#startPublishing(metadata, vhosts);
    const context = this.#makeContext(metadata, turn, this.#store, vhosts);
    this.#context = context;
    await this.#resources.start();
    await this.#listen(context);
    await this.#startPrometheus(context, vhosts);
    this.#ticker = new Ticker(this.#clock, this.#limits, (nowMs, unheardMs) => this.#tick(nowMs, unheardMs));
    this.#management?.resume(this.#sources());
  }

  /** On the ports of the last time, where there was one. */
  async #listen(context: ConnectionContext): Promise<void> {
    const before = this.#listeners?.all ?? [];
    const accepted: Accepted = (socket, tls) => this.#connections.accept(context, socket, tls);
    this.#listeners = new Listeners(this.#limits, this.#log, this.#certificates, accepted);
    for (const [index, address] of this.#addresses.entries()) {
      await this.#listeners.listen({ ...address, port: before[index]?.port ?? address.port });
    }
  }

  /** Lines of the log and events as messages; loaded when they are asked for. */
  async #startPublishing(metadata: MetadataStore, { internalPublisher: publisher }: Vhosts): Promise<void> {
    const { events, logging, defaultVhost = '/' } = this.#options;
    const common = { metadata, publisher, nodeName: this.#nodeName };
    if (logging?.exchange !== undefined) {
      const { publishLog } = await import('./vhost/log-exchange.ts');
      const place = { ...common, vhost: defaultVhost };
      this.#logExchange = await publishLog(this.logs.log, logging.exchange, place);
    }
    this.logs.log.started();
    if (events === undefined) return;
    const { startEvents } = await import('./events/events.ts');
    const others = { vhost: events.vhost ?? defaultVhost, clock: this.#clock, pids: this.#pids, log: this.#log };
    this.#events = await startEvents({ ...common, ...others });
  }

  #logBanner(): void {
    const files = this.logs.files.length === 0 ? ['<none>'] : this.logs.files;
    const lines = [
      `Starting Leveret ${VERSION} on Node.js ${process.versions.node}`,
      `node           : ${this.#nodeName}`,
      `log(s)         : ${files.join(', ')}`,
      `database dir   : ${this.dataDir ?? '<in memory>'}`,
    ];
    this.#log.info('broker', `\n ${lines.join('\n ')}`);
  }

  /** Loaded when it is asked for: who embeds a broker pays nothing for it. */
  async #startManagement(): Promise<void> {
    const { management: http, controlSocket } = this.#options;
    if (http === undefined && controlSocket === undefined) return;
    const { startManagement } = await import('./management/server.ts');
    this.#management = await startManagement(this.#sources(), { http, controlSocket });
  }

  #sources(): BrokerSources {
    return {
      context: this.#context!,
      accounts: this.#accounts!,
      vhosts: this.#vhosts!,
      nodeName: this.#nodeName,
      slices: this.#slices,
      statisticsOptions: this.#statistics,
      dataDir: this.dataDir,
      configuration: this.#options.configuration ?? { files: [], settings: {} },
      otherListeners: () => this.#shownListeners(),
      connections: () => this.#connections,
      resources: () => this.resources(),
      logs: this.logs,
      node: this.#control(),
    };
  }

  /** What an operator may do with the broker while its process goes on. */
  #control(): NodeControl {
    return {
      state: () => this.#application.state,
      isDrained: () => this.#maintenance.isDrained,
      startApp: () => this.#application.start(),
      stopApp: () => this.#application.stop(),
      reset: () => this.#application.whileStopped(() => this.#erase()),
      shutDown: () => void this.stop(),
      suspendListeners: () => this.#maintenance.suspend(),
      resumeListeners: () => this.#maintenance.resume(),
      drain: () => this.#maintenance.drain(),
      revive: () => this.#maintenance.revive(),
      setMemoryHighWatermark: (watermark) => this.setMemoryHighWatermark(watermark),
      setDiskFreeLimit: (limit) => this.setDiskFreeLimit(limit),
    };
  }

  async #erase(): Promise<void> {
    if (this.dataDir !== null) await eraseAll(this.dataDir, this.#nodeName, this.#slices);
  }

  #shownListeners(): ShownListener[] {
    const { current } = this.#certificates ?? {};
    const forMetrics = this.#prometheus?.shown() ?? [];
    return [
      ...(this.#listeners?.open ?? []).map((listener) => ({
        ...listener,
        ...shownCertificate(listener.protocol === 'amqps' ? current : undefined),
      })),
      ...forMetrics.map((listener) => ({ ...listener, protocol: `${listener.protocol}/prometheus` })),
    ];
  }

  async #startPrometheus(context: ConnectionContext, vhosts: Vhosts): Promise<void> {
    const { prometheus } = this.#options;
    if (prometheus === undefined) return;
    const { startPrometheus } = await import('./prometheus/server.ts');
    const sources = {
      context,
      vhosts,
      nodeName: this.#nodeName,
      dataDir: this.dataDir,
      connections: () => this.#connections,
      resources: () => this.resources(),
      disk: this.#countedDisk!,
    };
    this.#prometheus = await startPrometheus(sources, this.#slices, prometheus);
  }

  async #openMetadata(): Promise<MetadataStore> {
    const definitions = whole(checkedDefinitions(this.#options.definitions ?? {}));
    const clusterName = this.#options.clusterName ?? this.#nodeName;
    if (this.dataDir === null) {
      this.#metadata = openMemoryStore({ clusterName, slices: this.#slices });
    } else {
      openDataDirectory(this.dataDir);
      this.#metadata = openSqliteStore({ directory: this.dataDir, clusterName, slices: this.#slices });
      this.#removePidFile = writePidFile(this.dataDir);
    }
    this.#metadata.follow(new MetadataLog(this.#log, this.#metadata.snapshot()).apply);
    await endTracing(this.#metadata);
    await completeVhosts(this.#metadata);
    if (definitions.users.length === 0) await bootstrap(this.#metadata, firstUser(this.#options));
    await importDefinitions(this.#metadata, definitions, this.#slices);
    return this.#metadata;
  }

  #openStore(turn: Turn): MessageStore {
    const { messageMemoryBytes = this.#messageMemoryBytes(), confirmWhen = 'fdatasync' } = this.#options;
    const options = {
      directory: this.dataDir,
      disk: this.#countedDisk ?? this.#options.disk ?? systemDisk,
      clock: this.#clock,
      log: this.#log,
      fdatasync: confirmWhen === 'fdatasync',
      ...storeSizes(this.dataDir, messageMemoryBytes, this.#options.journalFileBytes),
      compaction: compactionOptions(this.#options.compaction),
    };
    const events = {
      onDurable: () => turn.schedule(),
      onRelief: () => this.#connections.relieve(),
      onTrouble: (error: NodeJS.ErrnoException | null) => this.#journalTrouble(error),
    };
    const live = liveMessages(() => this.#vhosts, this.#connections);
    return new MessageStore(options, events, live);
  }

  /** Where it is not set: messages go to disk well before the watermark is reached. */
  #messageMemoryBytes(): number {
    const { memoryPagingRatio } = this.#options.alarms ?? {};
    const share = (memoryPagingRatio ?? DEFAULT_ALARMS.memoryPagingRatio) * this.#resources.spareMemoryBytes;
    return memoryPagingRatio === undefined ? Math.min(DEFAULT_MESSAGE_MEMORY, share) : share;
  }

  #restore(metadata: MetadataStore, turn: Turn, store: MessageStore): Vhosts {
    if (this.dataDir !== null) this.#delayFiles = new DelayFiles(this.dataDir);
    const vhosts = new Vhosts({
      nodeName: this.#nodeName,
      delays: {
        disk: this.#options.disk ?? systemDisk,
        damage: store.damageReport,
        files: this.#delayFiles,
        mover: this.#delayMover,
        segmentBytes: this.#options.delayedSegmentBytes ?? SEGMENT_BYTES,
        turn,
      },
      store,
      clock: this.#clock,
      log: this.#log,
      churn: this.#churn,
      counting: this.#counting,
      giveBack: (address, message) => this.#lateReturns.giveBack(address, message),
      wake: (queue) => turn.wake(queue),
      turnMs: () => turn.nowMs,
      unused: (queue) => {
        const { vhost, name } = queue;
        this.#propose({ kind: 'delete-queue', vhost, name }, () => vhosts.get(vhost)?.stay(queue));
      },
      exchangeUnused: (vhost, { name }) => {
        this.#propose({ kind: 'delete-exchange', vhost: vhost.name, name, ifUnused: true });
      },
    });
    this.#vhosts = vhosts;
    const snapshot = metadata.snapshot();
    this.users = snapshot.users.map(({ name }) => name);
    vhosts.restore(snapshot);
    metadata.follow((change) => {
      vhosts.apply(change);
      closeAbandoned(this.#connections, change);
    });
    adoptRecovered(vhosts, store, this.#delayFiles, this.#log);
    return vhosts;
  }

  #propose(change: Change, failed: () => void = () => {}): void {
    this.#metadata?.propose([change], (error) => {
      if (error === null) return;
      failed();
      // It is used again.
      if (error.fault === 'conflict') return;
      this.#log.error('metadata', `${change.kind} failed: ${error.message}`);
    });
  }

  #makeContext(metadata: MetadataStore, turn: Turn, store: MessageStore, vhosts: Vhosts): ConnectionContext {
    const accounts = new Accounts(metadata);
    this.#accounts = accounts;
    const permissions = new Permissions(accounts, this.#log);
    return {
      clock: this.#clock,
      log: this.#log,
      turn,
      store,
      metadata,
      limits: this.#limits,
      chunks: new ChunkPool(),
      replyTargets: new ReplyTargets(),
      lateReturns: this.#lateReturns,
      pids: this.#pids,
      lifecycle: this.#events?.lifecycle ?? null,
      churn: this.#churn,
      authAttempts: new AuthAttempts(),
      counting: this.#counting,
      serverProperties: serverProperties(metadata.clusterName),
      authenticator: this.#authenticator(accounts),
      queueRecord: (queue) => vhosts.recordOf(queue),
      vhost: (name) => vhosts.get(name),
      access: (identity, vhost) => permissions.access(identity, vhost),
      alarm: () => this.#resources.alarms.reason,
    };
  }

  #authenticator(accounts: Accounts): Authenticator {
    const { loopbackUsers = ['guest'], authMechanisms, certificateLogin } = this.#options;
    const mechanisms = mechanismsNamed(authMechanisms, certificateLogin);
    return new AccountAuthenticator(accounts, { mechanisms, loopbackUsers, connections: this.#connections });
  }

  /** @throws Error that says which setting or file is wrong */
  async #openCertificates(): Promise<TlsCertificates> {
    const { tls } = this.#options;
    if (tls === undefined) throw new Error('a listener with TLS needs a certificate: set ssl_options.certfile');
    const { TlsCertificates } = await import('./connection/tls-certificates.ts');
    return new TlsCertificates(tls, this.#clock, this.#log);
  }

  async #tick(nowMs: number, unheardMs: number): Promise<void> {
    await this.#slices.each(this.#connections, (connection) => {
      this.#turn?.begin();
      connection.tick(nowMs, unheardMs);
    });
    this.#store?.tick();
  }

  #journalTrouble(error: NodeJS.ErrnoException | null): void {
    if (!this.#resources.alarms.set('journal', error !== null)) return;
    const reason = error?.code ?? error?.message;
    if (error !== null) this.#log.error('store', `low on disk: the journal cannot be written (${reason})`);
    else this.#log.info('store', 'the journal can be written again');
  }

  #alarmChanged(cause: AlarmCause): void {
    this.#turn?.begin();
    this.#connections.tellAlarm(cause === 'journal');
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => this.#stopped.resolve());
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#resources.stop();
    await this.#management?.stop();
    await this.#application.stop();
    this.#certificates?.close();
    this.logs.close();
  }

  /** Clients are told, and everything is durable afterwards. */
  async #stopApplication(): Promise<void> {
    this.#log.info('broker', 'Leveret is asked to stop...');
    this.#management?.pause();
    this.#ticker?.cancel();
    await this.#prometheus?.close();
    const closed = this.#listeners?.close();
    await this.#connections.shutDown(this.#clock);
    this.#listeners?.destroyHandshakes();
    await closed;
    if (this.#logExchange !== null) this.logs.log.remove(this.#logExchange);
    this.#logExchange = this.#events = null;
    this.#vhosts?.internalPublisher.close();
    for (const queue of this.#vhosts?.queues() ?? []) queue.stop();
    for (const line of this.#vhosts?.lines() ?? []) line.stop();
    await this.#delayMover.close();
    await this.#store?.close();
    const isWhole = this.#store?.durable === this.#store?.appended;
    if (isWhole && ![...(this.#vhosts?.lines() ?? [])].some(({ mayRepeat }) => mayRepeat)) this.#noteStop();
    this.#accounts?.close();
    this.#removePidFile?.();
    this.#metadata?.close();
    this.#store = this.#vhosts = this.#accounts = this.#metadata = this.#prometheus = this.#removePidFile = null;
    this.#maintenance.end();
    this.#log.info('broker', 'Successfully stopped Leveret');
  }

  #noteStop(): void {
    const error = this.#delayFiles?.noteStop() ?? null;
    if (error === null) return;
    const effect = 'delayed messages may be marked as repeated after the next start';
    this.#log.warning('store', `the stop could not be noted, ${effect}: ${error.message}`);
  }
}
