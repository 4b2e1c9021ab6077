// One HTTP/2 connection to one server of etcd, over the package @grpc/grpc-js: requests that are answered once, with a time limit,
// and streams. Knows nothing of the meaning of requests and of passwords.

import { createSecureContext } from 'node:tls';
import type { Client, ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type { RequestOptions } from '../etcd-gateway';
import { onAbort } from '../../abort-listeners';
import { optionalPackage } from '../../optional-package';
import { patientTimeout, systemClock } from '../../time';
import { closed } from '../etcd-failure';
import type { EtcdTlsOptions } from '../etcd-options';
import { grpcFailure, noAnswer } from './grpc-failure';

/** Requests and answers are bytes already. */
export type GrpcStream = ClientDuplexStream<Buffer, Buffer>;

export interface GrpcQuestion extends RequestOptions {
  /** Such as `/etcdserverpb.KV/Txn`. */
  readonly path: string;
  readonly message: Buffer;
  /** What the request does, for messages. */
  readonly what: string;
  readonly token: string | undefined;
  readonly limitMs: number;
  /** Whether the request changes the store, so that a missing answer leaves a doubt. */
  readonly isWrite: boolean;
}

const asIs = (bytes: Buffer): Buffer => bytes;

type Grpc = typeof import('@grpc/grpc-js');

/** The package. Loading takes some 50 ms, therefore only a process that uses gRPC loads the package. @throws TrunklineError ERR_TRUNKLINE_PACKAGE_MISSING */
export function loadGrpc(): Grpc {
  return optionalPackage('@grpc/grpc-js', 'etcd over gRPC', () => require('@grpc/grpc-js') as Grpc);
}

export class GrpcChannel {
  /** As it stands in messages. */
  readonly address: string;
  readonly #grpc: Grpc;
  readonly #client: Client;
  readonly #underWay = new Set<(error: Error) => void>();
  #isClosed = false;

  /** Connects when something is asked for. @throws TrunklineError ERR_TRUNKLINE_PACKAGE_MISSING */
  constructor(url: URL, tls: EtcdTlsOptions) {
    this.address = url.href.replace(/\/$/, '');
    this.#grpc = loadGrpc();
    const isSecure = url.protocol === 'https:';
    const { credentials } = this.#grpc;
    const { servername, ...secrets } = tls;
    const security = isSecure ? credentials.createFromSecureContext(createSecureContext(secrets)) : credentials.createInsecure();
    this.#client = new this.#grpc.Client(`${url.hostname}:${url.port || (isSecure ? 443 : 80)}`, security, {
      ...(isSecure && servername !== undefined && { 'grpc.ssl_target_name_override': servername }),
      // A channel that is closed takes its connection along: the next channel does not inherit a link that is dead.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_retries': 0,
    });
  }

  /**
   * @returns the answer
   * @throws TrunklineError: no connection, no answer within the limit, or a refusal; the reason of the signal when that aborts
   */
  ask({ path, message, what, token, limitMs, isWrite, signal }: GrpcQuestion): Promise<Buffer> {
    if (this.#isClosed) return Promise.reject(closed(what));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(path, asIs, asIs, message, this.#metadata(token), (error, answer) => {
        if (error) fail(grpcFailure(this.address, what, error, isWrite));
        else {
          done();
          resolve(answer ?? Buffer.alloc(0));
        }
      });
      const limit = patientTimeout(systemClock, limitMs, () => abandon(noAnswer(this.address, what, limitMs, isWrite)));
      const stopWaiting = signal && onAbort(signal, () => abandon(signal.reason as Error));
      const done = (): void => {
        limit.cancel();
        stopWaiting?.();
        this.#underWay.delete(abandon);
      };
      const fail = (error: Error): void => {
        done();
        reject(error);
      };
      const abandon = (error: Error): void => {
        fail(error);
        call.cancel();
      };
      this.#underWay.add(abandon);
    });
  }

  /**
   * Opens a stream in both directions.
   * @param onEnd called once, when the stream is over, with the reason
   */
  stream(path: string, what: string, token: string | undefined, onEnd: (error: Error) => void): GrpcStream {
    const metadata = this.#metadata(token);
    // A server that is cut off from the majority ends the stream, instead of keeping the stream open in silence.
    metadata.set('hasleader', 'true');
    const stream = this.#client.makeBidiStreamRequest<Buffer, Buffer>(path, asIs, asIs, metadata);
    let isOver = false;
    const over = (error: Error): void => {
      if (isOver) return;
      isOver = true;
      onEnd(error);
    };
    stream.on('error', (error: ServiceError) => over(grpcFailure(this.address, what, error, false)));
    stream.on('end', () => over(grpcFailure(this.address, what, endOfStream(), false)));
    return stream;
  }

  /** Ends the connection; what is under way is rejected. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const abandon of [...this.#underWay]) abandon(closed('a request'));
    this.#client.close();
  }

  #metadata(token: string | undefined): InstanceType<Grpc['Metadata']> {
    const metadata = new this.#grpc.Metadata();
    if (token !== undefined) metadata.set('token', token);
    return metadata;
  }
}

function endOfStream(): ServiceError {
  return Object.assign(new Error(), { code: 14, details: 'the server ended the stream' }) as ServiceError;
}
