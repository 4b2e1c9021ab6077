// What the engine's server says of itself, asked each time the session comes up, because the next server may be another server. Each
// warning is logged once, and all present warnings stand in the status of the fleet.

import { messageOf } from '../../protocol/error-value';
import type { FleetEngineView } from '../fleet-view';
import type { Logger } from '../logger';
import type { EngineSession } from './engine';

export interface EngineReportSetup {
  readonly name: string;
  readonly group: string;
  readonly logger: Logger;
  session(): Pick<EngineSession, 'health'>;
  onReport(engine: FleetEngineView): void;
}

export class EngineReport {
  readonly #setup: EngineReportSetup;
  /** Warnings that are in the log, without their figures: a database that grows is no news. */
  readonly #logged = new Set<string>();
  #asked = 0;

  constructor(setup: EngineReportSetup) {
    this.#setup = setup;
  }

  /** The session has come up. Never rejects: a server that does not answer here says so in another way. */
  async ask(): Promise<void> {
    const { name, group, logger } = this.#setup;
    const number = ++this.#asked;
    try {
      const { version, warnings } = await this.#setup.session().health();
      if (number !== this.#asked) return;
      this.#setup.onReport({ name, version, warnings });
      for (const warning of warnings) {
        const known = warning.replace(/\d+/g, '0');
        if (this.#logged.has(known)) continue;
        this.#logged.add(known);
        logger.warn(`fleet ${group}: ${warning}`);
      }
    } catch (error) {
      logger.debug?.(`fleet ${group}: ${name} does not tell how it is set up: ${messageOf(error)}`);
    }
  }

  /** Nothing is reported from now on. */
  end(): void {
    this.#asked++;
  }
}
