// Renewals of leases, over one stream of gRPC. An answer is given to the renewal that the answer belongs to: a renewal without an
// answer in time ends the stream, because the late answer would be taken for the answer to the next renewal, which is not yet in force.

import { patientTimeout, systemClock } from '../../time';
import { closed } from '../etcd-failure';
import { leaseAnswer, leaseMessage } from './etcd-messages';
import type { GrpcStream } from './grpc-channel';
import { noAnswer } from './grpc-failure';

const WHAT = 'renewal of a lease';

interface Waiting {
  readonly lease: string;
  readonly resolve: (ttlSeconds: number) => void;
  readonly reject: (error: Error) => void;
}

export class GrpcRenewals {
  readonly #address: string;
  readonly #open: (onEnd: (error: Error) => void) => GrpcStream;
  #waiting: Waiting[] = [];
  #stream: GrpcStream | undefined;

  /** @param open makes the stream, for the first renewal and after each end */
  constructor(address: string, open: (onEnd: (error: Error) => void) => GrpcStream) {
    this.#address = address;
    this.#open = open;
  }

  /** @returns how many seconds the lease has again; 0 when the lease is gone */
  async renew(lease: string, limitMs: number): Promise<number> {
    const stream = (this.#stream ??= this.#start());
    const limit = patientTimeout(systemClock, limitMs, () => this.#end(stream, noAnswer(this.#address, WHAT, limitMs, false)));
    try {
      return await new Promise<number>((resolve, reject) => {
        this.#waiting.push({ lease, resolve, reject });
        stream.write(leaseMessage(lease));
      });
    } finally {
      limit.cancel();
    }
  }

  close(): void {
    if (this.#stream) this.#end(this.#stream, closed(WHAT));
  }

  #start(): GrpcStream {
    const stream = this.#open((error) => this.#end(stream, error));
    stream.on('data', (bytes: Buffer) => {
      const { lease, ttlSeconds } = leaseAnswer(bytes);
      const at = this.#waiting.findIndex((each) => each.lease === lease);
      if (this.#stream === stream && at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(ttlSeconds);
    });
    return stream;
  }

  #end(stream: GrpcStream, error: Error): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    stream.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
