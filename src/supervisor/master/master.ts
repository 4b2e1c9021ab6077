// The desired state of an application: an agent, and a number of workers. Each is a slot that keeps itself occupied; the master
// starts, replaces and stops slots in the right order, and tells processes about each other.

import cluster from 'node:cluster';
import type net from 'node:net';
import { TrunklineError } from '../../errors';
import type { ApplicationView } from '../../host-view';
import { formatAddress } from '../host/format-address';
import { Postbox, type Messenger } from '../messaging/messenger';
import type { Address, AppMessage } from '../messaging/messages';
import type { ResolvedSupervisorOptions } from '../host/options';
import { Announcements } from '../messaging/announcements';
import { notReady, portNotOpened } from './boot-failure';
import type { ChildEnd, ChildHandle } from './child-handle';
import { ChildSpecs } from './child-specs';
import { realMeans, type Means } from './launch';
import { MemoryWatch } from './memory-watch';
import { Overview } from './overview';
import { sendToParent } from '../messaging/parent';
import { PostOffice } from '../messaging/post-office';
import { senderOf } from '../messaging/routing';
import { reachableAt } from './reachable-at';
import { Rollout } from './rollout';
import { StickyListener, type StickyWorker } from './sticky-listener';
import { spareWorkers } from './spares';
import { toldChildren } from './told-children';
import { Slot, type SlotEvents, type SlotStatus } from './slot';

export class Master {
  readonly #options: ResolvedSupervisorOptions;
  readonly #means: Means;
  readonly #events: SlotEvents;
  readonly #post: PostOffice;
  readonly #announcements: Announcements;
  readonly #postbox = new Postbox();
  /** One look at the application. */
  readonly overview: Overview;
  #agent: Slot | undefined;
  #workers: Slot[] = [];
  /** Every slot that may have a living child, also a slot that is being added or given up. */
  readonly #allSlots = new Set<Slot>();
  #specs: ChildSpecs | undefined;
  #changing: Promise<unknown> = Promise.resolve();
  #sticky: StickyListener | undefined;
  #lastAddress: Address | undefined;
  #hasStarted = false;
  #stopping: Promise<{ forced: boolean }> | undefined;
  #onEnded!: (outcome: { forced: boolean }) => void;

  /** Resolves when everything has ended. */
  readonly ended: Promise<{ forced: boolean }>;

  constructor(options: ResolvedSupervisorOptions, means: Means = realMeans) {
    this.#options = options;
    this.#means = means;
    this.ended = new Promise((resolve) => (this.#onEnded = resolve));
    this.#post = new PostOffice({
      slots: () => this.#slots(),
      toMaster: (message) => this.#receive(message),
      toParent: (message) => sendToParent(message, options.logger),
      logger: options.logger,
    });
    this.#postbox.connect((mail) => {
      // Throws now what would later throw where nobody listens. Texts never throw, and need not be copied for this check.
      JSON.stringify(mail.data, (_, value: unknown) => (typeof value === 'string' ? '' : value));
      this.#post.post(mail, 'master', (delivery) => this.#postbox.onDelivered(mail.id, mail.action, delivery));
    });
    this.#announcements = new Announcements(
      (message) => this.#post.send(message, message.from ?? 'master'),
      () => this.#specs!.programOptions,
    );
    this.overview = new Overview({ slots: () => this.#slots(), application: () => this.#standing(), clock: means.clock });
    const replace = (slot: Slot): Promise<void> =>
      this.#rollOut('replace', `replaced ${slot.name}`, (rollout) => this.#replace(slot, rollout));
    const memory = new MemoryWatch({ limits: options, logger: options.logger, replace });
    const events = toldChildren({
      onStarted: (slot, child) => this.#onStarted(slot, child),
      onReady: (slot) => this.#onReady(slot),
      onGone: (slot, child) => this.#onGone(slot, child),
      onEnded: (_, child) => {
        this.#post.onGone(child);
        this.#changed();
      },
      onHealth: (slot, child, health) => memory.onHealth(slot, child, health),
      onMessage: (slot, message) => this.#post.send(message, senderOf(slot.kind)),
      onMail: (slot, mail, tell) => this.#post.post(mail, senderOf(slot.kind), tell),
      onHandled: (child, id, reason) => this.#post.onHandled(child, id, reason),
      onDrained: (slot) => this.#post.onReady(slot),
    });
    this.#events = this.overview.heeding(events);
  }

  /** Where the shared clients of the application meet; undefined before the start. */
  get clusterPort(): number | undefined {
    return this.#specs?.clusterPort;
  }

  /** Where the application listens, when a worker listens; otherwise the last such address. */
  get address(): Address | undefined {
    if (this.#options.sticky) return this.#sticky?.address ?? this.#lastAddress;
    return this.#workers.find(({ address }) => address !== undefined)?.address ?? this.#lastAddress;
  }

  get status(): SlotStatus[] {
    return this.#slots().map(({ status }) => status);
  }

  #standing(): Pick<ApplicationView, 'state' | 'baseDir' | 'clusterPort' | 'address'> {
    const state = this.#stopping ? 'stopping' : this.#hasStarted ? 'running' : 'starting';
    const { clusterPort, address } = this;
    return { state, baseDir: this.#options.baseDir, clusterPort, address: address && formatAddress(address) };
  }

  get messenger(): Messenger {
    return this.#postbox;
  }

  /** Messages that had no living receiver. */
  get undelivered(): number {
    return this.#post.undelivered;
  }

  /**
   * Starts the agent, then the workers.
   * @returns whether all are ready; false: the application was stopped before, and everything has ended
   * @throws TrunklineError ERR_TRUNKLINE_BOOT_FAILED when any process dies before being ready; the others are stopped then
   */
  start(): Promise<boolean> {
    return this.#inTurn(() => this.#start()); // a reload, for example, waits for the start
  }

  async #start(): Promise<boolean> {
    const { scheduling, workers, logger } = this.#options;
    const startedAt = this.#means.clock.now();
    this.#specs = await ChildSpecs.prepare(this.#options);
    cluster.schedulingPolicy = scheduling === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
    const slots = Array.from({ length: workers }, (_, i) => this.#slot(i + 1));
    if (this.#specs.hasAgent) {
      this.#agent = this.#slot(0);
      this.#agent.start();
      for (const slot of slots.slice(0, spareWorkers(this.#options))) slot.prepare();
      if (!(await this.#allReady([this.#agent]))) return false;
    }
    this.#workers = slots;
    if (!(await this.#allReady(this.#workers))) return false;
    await this.#openSticky();
    this.#hasStarted = true;
    for (const slot of this.#slots()) slot.readyChild?.tell({ trunkline: 'started' });
    const ready = reachableAt(this.#specs.programOptions, this.#options.port, this.address);
    const tookMs = Math.round(this.#means.clock.now() - startedAt);
    logger.info(`started: address=${ready.address} workers=${workers} after ${tookMs} ms`);
    this.#announcements.started(ready);
    this.overview.note('start', `started with ${workers} workers`, tookMs);
    return true;
  }

  /** A message of the parent process. */
  onParentMessage(message: AppMessage): void {
    this.#post.send(message, 'parent');
  }

  /**
   * Replaces the workers in turn, then the agent, each by a new process that is ready before. A second call waits for the first.
   * @param what `workers`: the agent stays
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED at the first process that cannot be replaced; the old processes stay
   */
  reload(what: 'all' | 'workers' = 'all'): Promise<void> {
    return this.#rollOut('reload', `reloaded (${what})`, async (rollout) => {
      for (const worker of this.#workers) await this.#replace(worker, rollout);
      await Promise.race([Promise.all(this.#workers.map((worker) => worker.drained())), rollout.broken]);
      rollout.assertIntact();
      if (this.#agent && what === 'all') await this.#replace(this.#agent, rollout);
    });
  }

  /**
   * Stops and starts every process, the agent first. Resolves when all are ready again, or have failed.
   * @param name of a single process that is restarted
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID when there is no process of this name
   */
  restart(name?: string): Promise<void> {
    const isMeant = (slot: Slot): boolean => name === undefined || slot.name === name;
    const [kind, done] = name === undefined ? (['reload', 'restarted'] as const) : (['replace', `restarted ${name}`] as const);
    return this.#rollOut(kind, done, async (rollout) => {
      const slots = this.#slots();
      if (!slots.some(isMeant)) {
        const names = slots.map((slot) => slot.name).join(', ');
        throw new TrunklineError(
          'ERR_TRUNKLINE_OPTION_INVALID',
          `there is no process ${JSON.stringify(name)}; there are ${names}`,
        );
      }
      if (this.#agent && isMeant(this.#agent)) await this.#agent.restart(rollout);
      await Promise.all(this.#workers.filter(isMeant).map((worker) => worker.restart(rollout)));
      await rollout.settle();
    });
  }

  /**
   * Sets the number of workers; resolves when new workers are ready, and surplus workers have finished.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when a new worker does not become ready: the number is as before then
   */
  scale(workers: number): Promise<void> {
    return this.#rollOut('scale', `scaled to ${workers} workers`, async (rollout) => {
      this.#assertNotStopped();
      const surplus = this.#workers.splice(workers);
      const missing = Math.max(0, workers - this.#workers.length);
      const added = Array.from({ length: missing }, (_, i) => this.#slot(this.#workers.length + i + 1));
      for (const slot of added) slot.start();
      try {
        const ready = added.map((slot) => slot.firstReady.then((child) => rollout.include(slot.name, child)));
        await Promise.race([Promise.all(ready), rollout.broken]);
        if (added.length > 0) await rollout.settle();
        this.#assertNotStopped();
        this.#workers.push(...added);
        for (const slot of added) this.#onReady(slot);
      } catch (end) {
        await this.#giveUp(added);
        if (end instanceof TrunklineError) throw end;
        const { reason } = end as ChildEnd;
        throw new TrunklineError(
          'ERR_TRUNKLINE_RELOAD_FAILED',
          `a new worker did not become ready, there are ${this.#workers.length} as before${reason === undefined ? '' : `: ${reason}`}`,
        );
      }
      await this.#giveUp(surplus);
    });
  }

  /** Workers first, then the agent, within the single deadline of the option. Idempotent. */
  stop(): Promise<{ forced: boolean }> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends everything at once; `stop()` resolves then. */
  kill(): void {
    void this.stop();
    for (const slot of this.#allSlots) slot.kill();
  }

  /** A single change at a time: reload, restart, scale, a worker that needs too much memory. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#changing.then(change);
    this.#changing = changed.catch(() => undefined); // the caller gets the error
    return changed;
  }

  /** @param done what has been done then, for those who look at the application */
  #rollOut(kind: 'reload' | 'replace' | 'scale', done: string, change: (rollout: Rollout) => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.overview.during(kind, done, () => change(new Rollout(this.#means.clock)));
      } catch (error) {
        this.#assertNotStopped(); // that is why
        throw error;
      }
    });
  }

  async #giveUp(slots: readonly Slot[]): Promise<void> {
    await Promise.all(slots.map((slot) => slot.stop(this.#options.reloadTimeoutMs, true)));
    for (const slot of slots) {
      this.#allSlots.delete(slot);
      this.#post.onRemoved(slot);
    }
  }

  async #stop(): Promise<{ forced: boolean }> {
    const { stopTimeoutMs, workersStopMs } = this.#options;
    this.overview.note('stop', 'stops');
    this.#agent?.retire(); // the agent goes on until the workers have ended
    await this.#sticky?.close();
    const deadline = this.#means.clock.now() + stopTimeoutMs;
    // Workers that take all of the time leave a share to the agent.
    const others = [...this.#allSlots].filter((slot) => slot !== this.#agent);
    const workers = await Promise.all(others.map((worker) => worker.stop(workersStopMs)));
    const agent = await this.#agent?.stop(deadline - this.#means.clock.now());
    this.#post.close();
    const outcome = { forced: [...workers, agent].includes(true) };
    this.#onEnded(outcome);
    return outcome;
  }

  #slots(): Slot[] {
    return this.#agent ? [this.#agent, ...this.#workers] : [...this.#workers];
  }

  /** @param index 0 is the agent's, the others are workers' */
  #slot(index: number): Slot {
    const options = this.#options;
    let starts = 0;
    const slot = new Slot({
      name: index === 0 ? 'agent' : `worker ${index}`,
      kind: index === 0 ? 'agent' : 'worker',
      spec: (name, isSucceeding) => this.#specs!.of(name, index, ++starts, isSucceeding),
      limits: options,
      events: this.#events,
      logger: options.logger,
      means: this.#means,
    });
    this.#allSlots.add(slot);
    return slot;
  }

  #onStarted({ kind }: Slot, { inspectPort, pid }: ChildHandle): void {
    if (inspectPort !== undefined) this.#announcements.debug(kind, inspectPort, pid);
    this.#changed();
  }

  #onReady(slot: Slot): void {
    if (!this.#slots().includes(slot)) return; // the slot is only just being added
    const pid = slot.pid!;
    if (slot === this.#agent) this.#announcements.agentReady(pid, this.#readyPids());
    else this.#announcements.workerReady(pid, this.#readyPids());
    if (this.#hasStarted) slot.readyChild?.tell({ trunkline: 'started' });
    this.#post.onReady(slot);
    this.#sticky?.onWorkersChanged();
    this.#changed();
  }

  #changed(): void {
    try {
      this.#options.onChange(this.status);
    } catch (error) {
      this.#options.logger.error(`onChange has failed: ${String(error)}`);
    }
  }

  #onGone(slot: Slot, child: ChildHandle): void {
    if (slot !== this.#agent && !this.#options.sticky) this.#lastAddress = child.address ?? this.#lastAddress;
    if (this.#stopping) return;
    if (slot === this.#agent) this.#announcements.agentGone(slot.readyChild?.pid, child.wasTold);
    else this.#announcements.workerGone(this.#readyPids(), child.wasTold);
  }

  #readyPids(): number[] {
    return this.#workers.flatMap(({ readyChild }) => readyChild?.pid ?? []);
  }

  /** Without losing a request or a call, where a slot can have two children for a while: not on the port of a thread. */
  async #replace(slot: Slot, rollout: Rollout): Promise<void> {
    const { reloadTimeoutMs, startMode } = this.#options;
    if (startMode === 'process') {
      await slot.reload(reloadTimeoutMs, rollout);
      return;
    }
    await slot.restart(rollout);
    await rollout.settle();
  }

  async #receive(message: AppMessage): Promise<void> {
    if (message.action === 'reload-worker') {
      this.reload('workers').catch((error: unknown) => this.#options.logger.error(String(error)));
    }
    await this.#postbox.receive(message);
  }

  /** With sticky connections the port of the application is the master's. */
  async #openSticky(): Promise<void> {
    const { sticky, port, logger } = this.#options;
    if (!sticky) return;
    const workers = (): StickyWorker[] =>
      this.#workers.flatMap(({ name, readyChild }) =>
        readyChild ? { name, hand: (socket: net.Socket, head?: Buffer) => readyChild.hand(socket, head) } : [],
      );
    this.#sticky = new StickyListener({ port: port!, header: sticky.header, workers, logger });
    try {
      this.#lastAddress = await this.#sticky.listen();
    } catch (error) {
      await this.stop();
      throw portNotOpened(error as Error);
    }
  }

  async #allReady(slots: readonly Slot[]): Promise<boolean> {
    if (!this.#stopping) {
      for (const slot of slots) slot.start();
      try {
        await Promise.all(
          slots.map(({ name, firstReady }) =>
            firstReady.catch((end: ChildEnd) => Promise.reject(notReady(name, end, this.#specs?.mastersPort))),
          ),
        );
      } catch (error) {
        if (!this.#stopping) {
          await this.stop();
          throw error;
        }
      }
    }
    if (!this.#stopping) return true;
    await this.#stopping; // a process that was told to stop may have become ready all the same
    return false;
  }

  #assertNotStopped(): void {
    if (this.#stopping) throw new TrunklineError('ERR_TRUNKLINE_RELOAD_FAILED', 'the application is stopping');
  }
}
