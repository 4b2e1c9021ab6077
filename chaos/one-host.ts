// The scene of a single host: members that share several channels, of which the channel `proxied` is reached through a proxy.

import { FaultProxy } from '../src/testing/fault-proxy';
import { freePort } from '../test/support/ports';
import { channels, keysOf } from './channels';
import { checkAll } from './checks/check';
import { Crew } from './crew';
import { endFaults, makeFault, type Stage } from './faults';
import { Random } from './random';
import type { OpenScene } from './scene';
import { ChaosUpstream } from './upstream/server';

/** A place stays empty for so long, ms. */
export const RESPAWN_MS = [0, 1_000] as const;

/** @param onePort as `--one-port` */
export function oneHost(onePort: boolean): OpenScene {
  const plans = channels(onePort);
  return async ({ random, record, onEntries, processes }) => {
    const ports = { common: await freePort(), few: await freePort(), proxied: await freePort() };
    const proxy = await FaultProxy.start(ports.proxied);
    const server = await ChaosUpstream.start(record);
    for (const plan of plans) for (const key of keysOf(plan)) server.change(plan.name, key, 10);
    const portOf = (slot: number, kind: string): number =>
      kind === 'common' ? ports.common : kind === 'own' ? ports.few : slot === 0 ? ports.proxied : proxy.port;
    const seeds = new Random(random.seed());
    const crew = new Crew(
      (slot) => ({
        slot,
        seed: seeds.seed(),
        upstreamPort: server.port,
        ports: Object.fromEntries(plans.map(({ name, port }) => [name, portOf(slot, port)])),
      }),
      () => seeds.whole(...RESPAWN_MS),
      record,
      onEntries,
    );
    const stage: Stage = { crew, server, proxy, random, record };
    crew.start(processes);
    return {
      channels: plans,
      crew,
      server,
      faultMs: [50, 2_000],
      valueBytes: [10, 300_000],
      makeFault: (chosen) => makeFault({ ...stage, random: chosen }),
      endFaults: () => endFaults(stage),
      get isUp() {
        return server.isUp;
      },
      check: (history) => checkAll(history, plans),
      close: async () => {
        await crew.end();
        server.close();
        await proxy.close();
      },
    };
  };
}
