// Scenarios with real processes on several hosts, for each engine: a single upstream connection in every fault, no value backwards, no call
// twice.

import type { FleetMemberSetup } from '../../fixtures/fleet-member';
import { eventually } from '../../support/eventually';
import { now } from '../../support/pauses';
import { FleetHosts, printFigure } from './fleet-hosts';

export interface EngineServer {
  readonly engine: FleetMemberSetup['engine'];
  /** Kills the server and starts it again. @param options whether the data are kept */
  restart(options: { readonly keeps: boolean }): Promise<void>;
  /** How many connections the hosts have; undefined: not known. */
  connections(): Promise<number | undefined>;
  stop(): Promise<void>;
}

const TTL_MS = 3_000;

/** @param start starts the server of the engine */
export function describesHosts(name: string, start: () => Promise<EngineServer>, connectionsOfHost: number): void {
  let server: EngineServer;
  let fleet: FleetHosts | undefined;

  beforeAll(async () => {
    server = await start();
  });
  afterEach(async () => {
    await fleet?.stop();
    fleet = undefined;
  });
  afterAll(() => server.stop());

  const begin = async (given: Partial<Parameters<typeof FleetHosts.start>[1]> = {}): Promise<FleetHosts> => {
    fleet = await FleetHosts.start(server.engine, { ttlMs: TTL_MS, ...given });
    await fleet.spread();
    return fleet;
  };

  it('three hosts with two processes each have one upstream connection', async () => {
    const hosts = await begin();
    expect(hosts.registry.pids).toHaveLength(1);
    const outcomes = await Promise.all(hosts.processes.map((member, n) => member.call(`call ${n}`)));
    expect(outcomes.map(({ value }) => value)).toEqual(hosts.processes.map((_, n) => `call ${n}`));
    expect([...hosts.runs].sort()).toEqual(outcomes.map(({ value }) => value).sort());
    const connections = await server.connections();
    if (connections !== undefined) expect(connections).toBe(3 * connectionsOfHost);
    printFigure(`${name}, a value at all hosts`, await hosts.spread());
    hosts.check();
  });

  it('the host of a killed winner ends its leadership, and nobody waits for the TTL', async () => {
    const hosts = await begin();
    const winner = await hosts.winner();
    const since = now();
    winner.kill('SIGKILL');
    const tookMs = await hosts.followed(
      winner.pid,
      hosts.living.filter((member) => member !== winner),
      since,
    );
    printFigure(`${name}, winner's process killed`, tookMs);
    expect(tookMs).toBeLessThan(TTL_MS - 500);
    await hosts.spread();
    hosts.check();
  });

  it('another host takes over from a killed one', async () => {
    const hosts = await begin();
    const winner = await hosts.winner();
    const since = now();
    for (const member of hosts.on(winner.host)) member.kill('SIGKILL');
    const living = hosts.processes.filter((member) => member.host !== winner.host);
    printFigure(`${name}, winner's host killed, TTL ${TTL_MS} ms`, await hosts.followed(winner.pid, living, since));
    await hosts.spread(living);
    hosts.check();
  });

  it('another host takes over from a frozen one, which follows when it goes on', async () => {
    const hosts = await begin();
    const winner = await hosts.winner();
    const frozen = hosts.on(winner.host);
    const since = now();
    for (const member of frozen) member.kill('SIGSTOP');
    const living = hosts.processes.filter((member) => member.host !== winner.host);
    printFigure(`${name}, winner's host frozen, TTL ${TTL_MS} ms`, await hosts.followed(winner.pid, living, since));
    for (const member of frozen) member.kill('SIGCONT');
    await eventually('one upstream client', () => hosts.registry.pids.length === 1);
    await hosts.spread();
    expect((await hosts.winner()).host).not.toBe(winner.host);
    hosts.check();
  });

  it.each([true, false])(
    'the engine is killed and comes back (data kept: %s), and all hosts have the newest value',
    async (keeps) => {
      const hosts = await begin();
      await server.restart({ keeps });
      const since = now();
      printFigure(`${name}, engine killed and back, data kept: ${keeps}`, await hosts.spread(undefined, since));
      await eventually('one upstream client', () => hosts.registry.pids.length === 1);
      await hosts.spread();
      const outcomes = await Promise.all(hosts.processes.map((member, n) => member.call(`after ${n}`)));
      expect(outcomes.map(({ error }) => error)).toEqual(outcomes.map(() => undefined));
      hosts.check();
    },
  );

  it('no call is lost or runs twice when the winner leaves in an orderly way', async () => {
    const hosts = await begin({ processes: 1 });
    const winner = await hosts.winner();
    const callers = hosts.living.filter((member) => member !== winner);
    const floods = callers.map((member) => member.ask({ type: 'flood', everyMs: 5 }));
    await eventually('calls run', () => hosts.runs.length > 50);
    const since = now();
    const followed = hosts.followed(winner.pid, callers, since);
    await winner.ask({ type: 'close' });
    printFigure(`${name}, winner leaves`, await followed);
    const before = hosts.runs.length;
    await eventually('calls run at the next winner', () => hosts.runs.length > before + 50);
    await Promise.all(callers.map((member) => member.ask({ type: 'stop-flood' })));
    const outcomes = (await Promise.all(floods)).flatMap(({ outcomes }) => outcomes as { name: string; error?: object }[]);
    expect(outcomes.filter(({ error }) => error)).toEqual([]);
    const ran = new Set(hosts.runs);
    expect(outcomes.filter(({ name }) => !ran.has(name))).toEqual([]);
    hosts.check();
  });

  it('the engine refuses the write of a frozen winner that does not look at its own clock', async () => {
    const hosts = await begin({ processes: 1, checksItself: false });
    const winner = await hosts.winner();
    winner.kill('SIGSTOP');
    const others = hosts.processes.filter((member) => member !== winner);
    await hosts.followed(winner.pid, others, now());
    // The upstream server tells the frozen winner this value, too, and the frozen winner writes the value when going on.
    hosts.registry.set('k', 'for both');
    winner.kill('SIGCONT');
    await eventually('the write is refused', () => winner.refused('write'));
    await eventually('one upstream client', () => hosts.registry.pids.length === 1);
    await hosts.spread();
    hosts.check(winner);
  });

  it('the engine refuses the claim of a frozen winner that does not look at its own clock', async () => {
    const hosts = await begin({ processes: 1, checksItself: false });
    const winner = await hosts.winner();
    winner.kill('SIGSTOP');
    const others = hosts.processes.filter((member) => member !== winner);
    // Both winners hear of this call: the next one runs the call, and the frozen one when it goes on.
    const call = others[0]!.call('once');
    expect(await call).toMatchObject({ value: 'once' });
    winner.kill('SIGCONT');
    await eventually('the claim is refused', () => winner.refused('take'));
    expect(hosts.runs.filter((name) => name === 'once')).toHaveLength(1);
    await eventually('one upstream client', () => hosts.registry.pids.length === 1);
    await hosts.spread();
    hosts.check(winner);
  });
}
