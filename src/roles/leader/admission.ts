// How a follower is let in: the question is answered when the upstream client is ready, or refused with the reason why it is not.

import { chooseCodec, writeAcceptance, writeReason, writeRefusal } from '../../../protocol/handshake';
import { isError } from '../../../protocol/error-value';
import type { Join, Register } from '../../../protocol/message';
import type { Connection } from '../../transport/connection';
import { differenceTo } from '../identity-warning';
import { methodsFingerprint } from '../method-warning';
import type { PeerValues } from '../peer-values';
import type { ChannelSpec } from '../role';
import type { UpstreamStanding } from '../upstream-standing';
import type { ChannelReadiness } from '../local/single';

export interface AdmissionOptions {
  readonly spec: ChannelSpec;
  readonly readiness: () => ChannelReadiness;
  readonly term: number;
  readonly connection: Connection;
  readonly values: PeerValues;
  /** Gets what the transcode of the user throws, where no caller could be told. */
  readonly onError: (error: unknown) => void;
  /** A follower is let in that wants these keys at once. */
  readonly onKeys: (keys: readonly string[]) => void;
  /** How the upstream client stands. */
  readonly standing: () => UpstreamStanding;
}

/** `outside`: not let in yet. `admitted`: served from then on, also while a later question waits. `gone`: nobody waits for an answer. */
type State = 'outside' | 'admitted' | 'gone';

export class Admission {
  readonly #options: AdmissionOptions;
  #state: State = 'outside';
  /** Whether the follower takes the upstream client for well, as everybody does at first. */
  #isToldWell = true;
  /** Questions that wait for the upstream client. */
  #unanswered: (Join | Register)[] = [];

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Whether the follower is served. */
  get isAdmitted(): boolean {
    return this.#state === 'admitted';
  }

  ask(question: Join | Register): void {
    const { spec, connection } = this.#options;
    if (question.type === 'register') connection.trust();
    else if (!chooseCodec(spec.values.names, question.codecs)) {
      this.#refuseCodec(question);
      return;
    }
    this.#onQuestion(question);
  }

  #onQuestion(question: Join | Register): void {
    if (this.#state === 'gone') return;
    this.#unanswered.push(question);
    const { isReady, setback } = this.#options.readiness();
    if (isReady) this.accept();
    else if (setback) this.refuse(setback.error);
    // In any other case the first outcome is the answer.
    else if (question.type === 'join') {
      const sentence = 'the upstream client of the leader is not ready yet';
      this.#options.connection.send({ type: 'wait', id: question.id, code: 'upstream', sentence });
    }
  }

  /** The upstream client is ready. */
  accept(): void {
    if (this.#unanswered.length > 0) this.#state = 'admitted';
    for (const question of this.#unanswered.splice(0)) {
      if (question.type === 'join') this.#welcome(question);
      else this.#answerLegacy(question, () => writeAcceptance(this.#options.spec.legacyValues));
    }
  }

  /** The upstream client is not ready, for this reason; the follower asks again. */
  refuse(error: unknown): void {
    const { spec, connection } = this.#options;
    for (const question of this.#unanswered.splice(0)) {
      if (question.type === 'register') {
        this.#answerLegacy(question, () => writeRefusal(error, spec.legacyValues));
        continue;
      }
      const payload = this.#encoded(() => writeReason(error)) ?? NOTHING;
      const sentence = isError(error) ? error.message : 'the upstream client is not ready';
      connection.send({ type: 'refusal', id: question.id, code: 'upstream-failed', sentence, payload });
    }
  }

  /** Tells a follower that was let in how the upstream client stands, if that is not what the follower knows. */
  tellState(): void {
    const { connection, standing } = this.#options;
    if (!this.isAdmitted || !connection.dialect.hasStates) return;
    const now = standing();
    if (now.view.state === 'ok' && this.#isToldWell) return;
    this.#isToldWell = now.view.state === 'ok';
    connection.send(now.message);
  }

  /** The follower is gone. */
  end(): void {
    this.#state = 'gone';
    this.#unanswered = [];
  }

  #refuseCodec({ id, codecs }: Join): void {
    const { spec, connection } = this.#options;
    const theirs = codecs.join(' or ') || 'nothing';
    const sentence = `the leader writes values as ${spec.values.name}, this process as ${theirs}; use the same transcode in every process`;
    connection.send({ type: 'refusal', id, code: 'no-common-codec', sentence, payload: NOTHING });
    void connection.close();
  }

  #welcome({ id, channel, keys }: Join): void {
    const { spec, connection, term, values, onKeys } = this.#options;
    const parts = differenceTo(spec, channel);
    const { peerMethods } = connection;
    if (peerMethods !== undefined && peerMethods !== methodsFingerprint(spec.sharedMethods)) {
      connection.send({ type: 'shared-methods', methods: spec.sharedMethods });
    }
    connection.send({
      type: 'joined',
      id,
      term,
      codec: values.codec,
      identity: spec.id.identity,
      parts,
      streams: true,
      states: true,
    });
    this.tellState();
    if (keys) onKeys(keys);
  }

  #answerLegacy({ id, timeoutMs }: Register, write: () => Buffer): void {
    const { connection } = this.#options;
    const payload = this.#encoded(write);
    if (payload) connection.send({ type: 'register-result', id, timeoutMs, payload });
    else void connection.close(); // the follower asks again
  }

  #encoded(write: () => Buffer): Buffer | undefined {
    try {
      return write();
    } catch (error) {
      this.#options.onError(error);
      return undefined;
    }
  }
}

const NOTHING = Buffer.alloc(0);
