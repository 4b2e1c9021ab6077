// What the layers below the client get instead of options: the specification of the channel, and how this process takes part at the
// cluster port.

import { messageOf } from '../../protocol/error-value';
import type { OwnChannelId } from '../../protocol/handshake';
import { jsonOrStructuredTranscode, serializeJsonTranscode, ValueCodec } from '../../protocol/value-codec';
import type { Meeting } from '../election/term';
import { loopback } from '../endpoint';
import { TrunklineError } from '../errors';
import { temporaryFolder } from '../facts';
import { formatKey, isPlain } from '../format-key';
import { fingerprint } from '../identity';
import { guardedLogger } from '../logger';
import type { ResolvedOptions } from '../options';
import { presentScope } from '../process-scope';
import type { ChannelSpec } from '../roles/role';
import { sharedSecret } from '../transport/credentials';
import type { PeerSettings } from '../transport/peer-settings';
import { callableMethods, sharedMethods, streamMethods, upstreamMethods, type Descriptors } from './delegation';
import type { Participation } from './failover';
import type { UpstreamClass } from './upstream-class';

export interface ChannelSettings {
  readonly spec: ChannelSpec;
  /** Undefined in single mode. */
  readonly participation: Participation | undefined;
}

/** @param args what the constructor of the upstream class gets */
export function channelSettings(
  upstreamClass: UpstreamClass,
  args: unknown[],
  options: ResolvedOptions,
  descriptors: Descriptors,
): ChannelSettings {
  const settings = peerSettings(options);
  return {
    spec: channelSpec(upstreamClass, args, options, descriptors, settings),
    participation: options.singleMode ? undefined : { meeting: meetingOf(options, settings), candidacy: options.candidacy },
  };
}

function peerSettings(options: ResolvedOptions): PeerSettings {
  const scope = presentScope();
  return {
    connectTimeoutMs: options.connectTimeout,
    heartbeatIntervalMs: options.isCheckHeartbeat ? options.heartbeatInterval : undefined,
    allowsLegacyPeers: options.allowLegacyPeers,
    logger: guardedLogger(options.logger),
    clock: scope.clock,
    scope,
    isBackground: true,
  };
}

function channelSpec(
  upstreamClass: UpstreamClass,
  args: unknown[],
  options: ResolvedOptions,
  descriptors: Descriptors,
  settings: PeerSettings,
): ChannelSpec {
  return {
    ...settings,
    name: options.name,
    id: channelId(options, args),
    args,
    createUpstream: () => new upstreamClass(...args),
    methods: upstreamMethods(upstreamClass, descriptors),
    sharedMethods: sharedMethods(descriptors),
    callable: callableMethods(descriptors),
    streams: streamMethods(descriptors),
    values: new ValueCodec(options.transcode ?? jsonOrStructuredTranscode),
    legacyValues: new ValueCodec(options.transcode ?? serializeJsonTranscode),
    formatKey: (registration) => checkedKey(options, registration),
    isKeyEnough: (registration) => options.formatKey === formatKey && isPlain(registration),
    isBroadcast: options.isBroadcast,
    maxOutboxBytes: options.maxOutboxBytes,
    // A value that a single subscriber of the host gets does not replace the value that another subscriber gets.
    delivery: options.isBroadcast ? options.delivery : 'every',
    responseTimeoutMs: options.responseTimeout,
    carry: options.carry,
  };
}

function channelId({ name, identity, isLeader }: ResolvedOptions, args: readonly unknown[]): OwnChannelId {
  const mode = identity ?? (isLeader === undefined ? 'strict' : 'warn');
  if (mode === 'ignore') return { name, identity: '', isStrict: false };
  if (mode === 'strict' || mode === 'warn') {
    const leadsApart = isLeader === true && identity === undefined;
    return { name, identity: fingerprint(args), isStrict: mode === 'strict', leadsApart };
  }
  return { name, identity: fingerprint([mode]), isStrict: true };
}

function meetingOf({ port, auth, secret, runtimeFolder }: ResolvedOptions, settings: PeerSettings): Meeting {
  return {
    ...settings,
    endpoint: loopback(port),
    credentials: {
      label: auth ? (secret === undefined ? 'file' : fingerprint([secret.reveal()])) : 'none',
      secret: async () => (auth ? sharedSecret({ port, secret, runtimeFolder, temporaryFolder: temporaryFolder() }) : undefined),
    },
  };
}

function checkedKey({ name, formatKey: format }: ResolvedOptions, registration: unknown): string {
  const key = keyOrRefusal(name, format, registration);
  if (typeof key === 'string') return key;
  throw new TrunklineError(
    'ERR_TRUNKLINE_OPTION_INVALID',
    `${name}: formatKey must give a string, but gave a value of type ${typeof key}`,
    {
      channel: name,
      option: 'formatKey',
    },
  );
}

function keyOrRefusal(channel: string, format: ResolvedOptions['formatKey'], registration: unknown): unknown {
  try {
    return format(registration);
  } catch (cause) {
    if (format !== formatKey) throw cause;
    const message = `${channel}: a registration has no key: ${messageOf(cause)}; use plain values, or the option formatKey`;
    throw new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { channel, cause });
  }
}
