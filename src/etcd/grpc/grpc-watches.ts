// Watches over one stream of gRPC. A watch does not outlive its stream: its observer hears that the watch is lost, once, and nothing
// more. etcd answers requests for watches in the order of the requests.

import type { EtcdEvent } from '../etcd-types';
import { closed, refused, watchRefusal } from '../etcd-failure';
import type { EtcdWatch, WatchEnd, WatchObserver, WatchRequest } from '../watches';
import { backgroundClock, type Timer } from '../../time';
import { cancelMessage, PROGRESS_MESSAGE, watchAnswer, watchMessage, type WatchMessage } from './etcd-messages';
import type { GrpcStream } from './grpc-channel';

/** Messages that belong to no watch: answers to requests for progress. */
const NO_WATCH = -1;
/** A server with watches that are catching up may leave a request for progress without an answer; then the request is repeated. */
const ASK_AGAIN_MS = 500;

interface Watching extends EtcdWatch {
  readonly observer: WatchObserver;
  nextRevision: bigint | undefined;
  /** Events of the last revision that are not complete. */
  parts: EtcdEvent[];
}

export class GrpcWatches {
  readonly #address: string;
  readonly #open: (onEnd: (error: Error) => void) => GrpcStream;
  readonly #watches = new Map<number, Watching>();
  /** Watches that were asked for and not answered yet. */
  readonly #asked: number[] = [];
  #stream: GrpcStream | undefined;
  #lastId = 0;
  #waiting: { readonly resolve: (revision: bigint) => void; readonly reject: (error: Error) => void }[] = [];
  #again: Timer | undefined;

  /** @param open makes the stream, for the first watch */
  constructor(address: string, open: (onEnd: (error: Error) => void) => GrpcStream) {
    this.#address = address;
    this.#open = open;
  }

  add(request: WatchRequest, observer: WatchObserver): EtcdWatch {
    const id = ++this.#lastId;
    const { fromRevision, wantsPrevious = false } = request;
    const watch: Watching = { observer, nextRevision: fromRevision, parts: [], close: () => this.#remove(id) };
    this.#watches.set(id, watch);
    this.#asked.push(id);
    this.#send(watchMessage({ id, range: request, fromRevision, wantsPrevious }));
    return watch;
  }

  /** Resolves with the revision of the server, see `watchProgress` of the client. @throws when the stream ends before the answer */
  progress(): Promise<bigint> {
    if (!this.#stream) return Promise.reject(closed('request for progress: no watch is open'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#askForProgress();
    });
  }

  close(): void {
    this.#stopWaiting(closed('request for progress'));
    this.#watches.clear();
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  #send(message: Buffer): void {
    if (!this.#stream) {
      const stream = this.#open((error) => this.#onOver(stream, error));
      this.#stream = stream;
      stream.on('data', (bytes: Buffer) => {
        if (this.#stream === stream) this.#onMessage(watchAnswer(bytes));
      });
    }
    this.#stream.write(message);
  }

  #remove(id: number): void {
    if (this.#watches.delete(id)) this.#stream?.write(cancelMessage(id));
  }

  #askForProgress(): void {
    backgroundClock.clearTimeout(this.#again);
    this.#stream?.write(PROGRESS_MESSAGE);
    this.#again = backgroundClock.setTimeout(() => this.#askForProgress(), ASK_AGAIN_MS);
  }

  #stopWaiting(error: Error): void {
    backgroundClock.clearTimeout(this.#again);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #onOver(stream: GrpcStream, error: Error): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#stopWaiting(error);
    this.#asked.length = 0;
    const lost = [...this.#watches.values()];
    this.#watches.clear();
    for (const { observer } of lost) observer.onLost?.(error);
  }

  #onMessage(message: WatchMessage): void {
    const { id, isCreated, isCanceled, revision } = message;
    if (isCreated) {
      const asked = this.#asked.shift() ?? id;
      if (isCanceled) this.#finish(asked, this.#refusal(message));
      else this.#onOpened(asked, message);
    } else if (isCanceled) {
      const { compactRevision } = message;
      this.#finish(id, compactRevision > 0n ? { kind: 'compacted', compactRevision } : this.#refusal(message));
    } else if (id === NO_WATCH) {
      backgroundClock.clearTimeout(this.#again);
      for (const { resolve } of this.#waiting.splice(0)) resolve(revision);
    } else this.#onEvents(id, message);
  }

  #onOpened(id: number, { revision }: WatchMessage): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    watch.nextRevision ??= revision + 1n;
    // A server whose data were lost would wait in silence for a revision that it has not reached.
    if (watch.nextRevision > revision + 1n) this.#finish(id, { kind: 'rewound', revision });
    else watch.observer.onOpen?.(revision);
  }

  #onEvents(id: number, { events, isPart }: WatchMessage): void {
    const watch = this.#watches.get(id);
    if (watch?.nextRevision === undefined) return;
    if (isPart || watch.parts.length > 0) watch.parts.push(...events);
    if (isPart) return;
    const whole = watch.parts.length > 0 ? watch.parts : events;
    watch.parts = [];
    const last = whole.at(-1);
    if (!last) return;
    watch.nextRevision = last.entry.modRevision + 1n;
    watch.observer.onEvents(whole, last.entry.modRevision);
  }

  #finish(id: number, end: WatchEnd): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#remove(id);
    watch.observer.onEnd(end);
  }

  #refusal({ reason }: WatchMessage): WatchEnd {
    return { kind: 'refused', error: refused(this.#address, 'watch', watchRefusal(reason)) };
  }
}
