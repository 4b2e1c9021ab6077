// The scene of a fleet: hosts with separate cluster ports and secret folders, and separate ways to the engine, which faults can hit.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { freePort } from '../../test/support/ports';
import { keysOf } from '../channels';
import { checkSoFar } from '../checks/check';
import { Crew } from '../crew';
import { Random } from '../random';
import type { OpenScene } from '../scene';
import { ChaosUpstream } from '../upstream/server';
import { checkDeposed } from './checks/deposed';
import { checkGaps } from './checks/gaps';
import { checkWinners } from './checks/winners';
import { EngineServer } from './engine-server';
import { endFaults, makeFault, type FleetStage, type Way } from './faults';
import { FLEET_CHANNEL, HOSTS, hostOf, type EngineName } from './plan';

/** A place stays empty for so long, ms: a host may be without a process for longer than leadership lasts. */
const RESPAWN_MS = [0, 4_000] as const;

/** @param isForgetful whether the engine loses all data in each restart */
export function fleetScene(engine: EngineName, isForgetful: boolean): OpenScene {
  return async ({ random, record, onEntries, processes }) => {
    const server = await ChaosUpstream.start(record);
    const engineServer = await EngineServer.start(engine, isForgetful, record);
    for (const key of keysOf(FLEET_CHANNEL)) server.change(FLEET_CHANNEL.name, key, 10);
    const ways = new Map<string, Way>();
    for (const host of HOSTS) {
      const folder = mkdtempSync(join(tmpdir(), 'trunkline-chaos-'));
      ways.set(host, { host, port: await freePort(), folder, proxy: await FaultProxy.start(engineServer.port) });
    }
    const seeds = new Random(random.seed());
    const crew = new Crew(
      (slot) => {
        const { host, port, folder, proxy } = ways.get(hostOf(slot))!;
        return {
          ...{ slot, folder, seed: seeds.seed(), upstreamPort: server.port, ports: { [FLEET_CHANNEL.name]: port } },
          fleet: { engine, enginePort: proxy.port, host },
        };
      },
      () => seeds.whole(...RESPAWN_MS),
      record,
      onEntries,
    );
    const stage: FleetStage = { crew, server, engine: engineServer, ways: [...ways.values()], random, record };
    crew.start(processes);
    return {
      channels: [FLEET_CHANNEL],
      crew,
      server,
      faultMs: [200, 4_000],
      valueBytes: [10, 50_000],
      makeFault: (chosen) => makeFault({ ...stage, random: chosen }),
      endFaults: () => endFaults(stage),
      get isUp() {
        return server.isUp && engineServer.isUp;
      },
      check: (history) => [...checkSoFar(history), ...checkDeposed(history), ...checkWinners(history), ...checkGaps(history)],
      close: async () => {
        await crew.end();
        server.close();
        await Promise.all(stage.ways.map(({ proxy }) => proxy.close()));
        await engineServer.close();
        for (const { folder } of stage.ways) rmSync(folder, { recursive: true, force: true });
      },
    };
  };
}
