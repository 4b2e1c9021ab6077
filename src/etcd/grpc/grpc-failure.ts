// Failures as the package @grpc/grpc-js gives failures, as errors with a code: what etcd itself says is a refusal, everything else is
// a connection that does not work. Pure.

import type { ServiceError } from '@grpc/grpc-js';
import { refused, unreachable } from '../etcd-failure';

/** Codes of gRPC that stand for the connection, unless etcd says something else with the same code. */
const OF_CONNECTION: readonly number[] = [1, 2, 4, 13, 14];

/** What OpenSSL and Node.js say of certificates, with the code that Node.js gives the same failure. */
const TRUST_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/self[- ]signed certificate in certificate chain/i, 'SELF_SIGNED_CERT_IN_CHAIN'],
  [/self[- ]signed certificate/i, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [/unable to verify the first certificate/i, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [/unable to get (local )?issuer certificate/i, 'UNABLE_TO_GET_ISSUER_CERT'],
  [/altnames|does not match certificate/i, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  [/certificate has expired/i, 'CERT_HAS_EXPIRED'],
  [/certificate is not yet valid/i, 'CERT_NOT_YET_VALID'],
  [/alert (bad certificate|certificate required|unknown ca)/i, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
];

/** @param mayHaveRun whether a second execution of the request would matter, so that its message tells of the doubt */
export function grpcFailure(server: string, what: string, error: ServiceError, mayHaveRun: boolean): Error {
  const { code, details } = error;
  if (!OF_CONNECTION.includes(code) || /^(etcdserver|auth|mvcc|lease):/.test(details))
    return refused(server, what, { status: 200, grpcCode: code, message: details });
  const wasSent = mayHaveRun && !/^(No connection established|Name resolution failed)/.test(details);
  const trust = TRUST_PROBLEMS.find(([words]) => words.test(details));
  const cause = Object.assign(new Error(details), trust && { code: trust[1] });
  return unreachable(server, what, cause, wasSent);
}

/** Nothing has come within the limit; nobody knows whether the server has the request. */
export function noAnswer(server: string, what: string, limitMs: number, mayHaveRun: boolean): Error {
  return unreachable(server, what, new Error(`no answer within ${limitMs} ms`), mayHaveRun);
}
