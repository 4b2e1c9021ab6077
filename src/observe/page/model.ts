// What every panel of the page is shown: the newest view with its rates, and what the user has chosen.

import { HostHistory } from '../../view/host-history';
import { channelId, NO_RATE, type HostSample, type Rate } from '../../view/host-rates';
import type { ChannelView, HostView } from '../../host-view';

export class Model {
  #view: HostView | undefined;
  #names = new Map<number, string>();
  #chosen: string | undefined;
  /** When the newest view came, on a clock that never jumps, ms. */
  #cameAt = 0;
  readonly #history = new HostHistory();

  get view(): HostView | undefined {
    return this.#view;
  }

  /** The channel that the user has chosen; the first while nothing is chosen, or the chosen channel is gone. */
  get channel(): ChannelView | undefined {
    const channels = this.#view?.channels ?? [];
    return channels.find((each) => this.idOf(each) === this.#chosen) ?? channels[0];
  }

  /** Channels of one name and port are told apart by their order. */
  idOf(channel: ChannelView): string {
    const id = channelId(channel);
    const alike = this.#view?.channels.filter((each) => channelId(each) === id) ?? [];
    const nth = alike.indexOf(channel) + 1;
    return nth > 1 ? `${id} #${nth}` : id;
  }

  get history(): readonly HostSample[] {
    return this.#history.points;
  }

  choose(id: string): void {
    this.#chosen = id;
  }

  /** The time at the host, ms since 1970; the clock of the browser may be another one. */
  get now(): number {
    return (this.#view?.at ?? Date.now()) + (this.#view ? performance.now() - this.#cameAt : 0);
  }

  remember(history: readonly HostSample[]): void {
    this.#history.remember(history);
  }

  take(view: HostView): void {
    this.#history.take(view);
    this.#view = view;
    this.#cameAt = performance.now();
    this.#names = new Map(view.processes.flatMap(({ pid, name }) => (pid === undefined ? [] : [[pid, name]])));
  }

  /** Counters of before say nothing of the time after an interruption. */
  interrupt(): void {
    this.#history.interrupt();
  }

  get sample(): HostSample | undefined {
    return this.#history.rates?.sample;
  }

  rateOfProcess(pid: number | undefined): Rate {
    return (pid === undefined ? undefined : this.#history.rates?.byPid.get(pid)) ?? NO_RATE;
  }

  rateOfChannel(channel: ChannelView): Rate {
    return this.#history.rates?.byChannel.get(channelId(channel)) ?? NO_RATE;
  }

  /** As `worker 2`; `pid 4711` for a process that the view does not name. */
  nameOf(pid: number | undefined): string {
    if (pid === undefined) return 'unknown';
    const name = this.#names.get(pid);
    return name === undefined || name === 'process' ? `pid ${pid}` : name;
  }
}
