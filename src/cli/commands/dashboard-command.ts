// `trunkline dashboard`, and the dashboard of `trunkline start --dashboard`.

import { randomBytes } from 'node:crypto';
import { CommandFailure } from '../command-failure';
import { MAX_WORKERS } from '../../supervisor/host/options';
import { ControlClient, NoAnswer } from '../control/control-client';
import type { Command, CommandResult } from '../control/control-protocol';
import type { Controlled } from '../control/control-server';
import { ControlSource } from '../control/control-source';
import { PortSource, type PortSourceOptions } from '../control/port-source';
import type { Report } from '../show/events';
import type { Output } from '../show/output';
import type { Place } from '../place/place';
import { number } from './settings';

/** The flags as commander gives them. */
export interface DashboardFlags {
  port?: string;
  host?: string;
  token?: string | true;
  values?: boolean;
}

/** The dashboard of a start, in the process of the master. */
export interface OwnDashboard {
  readonly port: number;
  readonly token: string | undefined;
}

export const TOKEN_VARIABLE = 'TRUNKLINE_DASHBOARD_TOKEN';

type Observe = typeof import('../../observe');
type Options = Parameters<Observe['startDashboard']>[0];
type WantedValue = Parameters<Observe['readValue']>[0];
type Run = (command: Command) => Promise<CommandResult>;

/** Shows the application of a place until the signal, also before it is started and after it has ended. @throws CommandFailure */
export function dashboard(
  place: Place,
  flags: DashboardFlags,
  knownToken: string | undefined,
  stdout: Output,
  end: AbortSignal,
): Promise<void> {
  const run: Run = (command) => runIn(place, command);
  const shown = {
    source: new ControlSource(place.socket),
    actions: actionsOf(run),
    ...(flags.values && { inspect: async (wanted: WantedValue) => (await run({ command: 'value', ...wanted })).value }),
  };
  return show(place.name, shown, flags, knownToken, stdout, end);
}

/** Shows the processes that meet at a port until the signal, whoever has started them. @throws CommandFailure */
export function portDashboard(
  port: PortSourceOptions,
  flags: DashboardFlags,
  knownToken: string | undefined,
  stdout: Output,
  end: AbortSignal,
): Promise<void> {
  if (flags.values)
    throw CommandFailure.usage('--values is for an application of trunkline start: other processes are not asked for values');
  return show(`cluster port ${port.port}`, { source: new PortSource(port) }, flags, knownToken, stdout, end);
}

async function show(
  name: string,
  shown: Pick<Options, 'source' | 'actions' | 'inspect'>,
  flags: DashboardFlags,
  knownToken: string | undefined,
  stdout: Output,
  end: AbortSignal,
): Promise<void> {
  const token = flags.token === true ? (knownToken ?? newToken(stdout)) : (flags.token ?? knownToken);
  if (flags.values && token === undefined) throw CommandFailure.usage('--values needs --token: values may be secrets');
  const opened = await listen({ ...shown, port: number('--port', flags.port), host: flags.host, token });
  stdout.write(`${dashboardText(name, opened.url, token, shown.actions !== undefined, stdout)}\n`);
  await new Promise<void>((resolve) => end.addEventListener('abort', () => resolve(), { once: true }));
  await opened.close();
}

/** Opens the dashboard of a running application, which goes on without it when it cannot be opened. */
export async function openDashboard(
  application: Controlled,
  ended: Promise<unknown>,
  settings: OwnDashboard | undefined,
  report: Report,
): Promise<void> {
  if (!settings) return;
  try {
    const actions = actionsOf((command) => application.run(command));
    const opened = await listen({ ...settings, source: application.source, actions });
    void ended.then(() => opened.close());
    report({ event: 'dashboard', url: opened.url });
  } catch (error) {
    report({ event: 'log', level: 'warn', message: `no dashboard: ${(error as Error).message}` });
  }
}

export async function readValue(wanted: WantedValue): Promise<unknown> {
  return await observe().readValue(wanted);
}

/** Loaded by those who look: most commands, and most masters, have no dashboard. */
function observe(): Observe {
  return require('../../observe') as Observe;
}

/** @throws CommandFailure that says what a user can do */
async function listen(options: Options): ReturnType<Observe['startDashboard']> {
  try {
    return await observe().startDashboard(options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const port = options.port ?? 'of the dashboard, 7780,';
    if (code === 'EADDRINUSE') throw CommandFailure.failed(`port ${port} is in use; take another one, or 0 for a free one`);
    if (code === 'EACCES') throw CommandFailure.failed(`port ${port} is not for this user; take one above 1023`);
    if (code === 'ERR_TRUNKLINE_OPTION_INVALID') throw CommandFailure.usage(message);
    throw CommandFailure.failed(message);
  }
}

function actionsOf(run: Run): Options['actions'] {
  return {
    reload: async () => void (await run({ command: 'reload' })),
    restart: async (process) => void (await run({ command: 'restart', process })),
    scale: async (workers) => {
      if (workers > MAX_WORKERS) throw new Error(`there can be at most ${MAX_WORKERS} workers`);
      await run({ command: 'scale', workers });
    },
  };
}

/** @returns how to open it */
function dashboardText(name: string, url: string, token: string | undefined, canAct: boolean, stdout: Output): string {
  const shown = `dashboard of ${name}: ${stdout.style('bold', url)}`;
  if (token === undefined)
    return `${shown}\n  everybody on this host may look; with --token nobody else may${canAct ? ', and you may act' : ''}`;
  // Behind # a browser keeps the token to itself. Where lines may go to a log they do not name the token.
  return stdout.isTty
    ? `${shown}\n  with the token: ${url}#token=${encodeURIComponent(token)}`
    : `${shown}, which asks for the token`;
}

/** @throws CommandFailure where nobody would see a new token */
function newToken(stdout: Output): string {
  if (stdout.isTty) return randomBytes(18).toString('base64url');
  throw CommandFailure.usage(`--token without a token is for a terminal, which shows a new one; set ${TOKEN_VARIABLE}`);
}

/** @throws Error with a sentence for the user */
async function runIn(place: Place, command: Command): Promise<CommandResult> {
  const client = await ControlClient.connect(place.socket);
  if (typeof client === 'string') throw new Error(`${place.name} is not running`);
  try {
    return await client.request(command);
  } catch (error) {
    throw error instanceof NoAnswer ? new Error(`the master of ${place.name} does not answer`, { cause: error }) : error;
  } finally {
    client.close();
  }
}
