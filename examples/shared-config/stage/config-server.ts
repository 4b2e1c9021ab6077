// The server whose connection is shared, as the story sees it: the embedded registry or an etcd that already runs.

export interface ConfigServer {
  /** For the sentence "… on http://…". */
  readonly name: string;
  readonly url: string;
  /** What is counted. */
  readonly unit: string;
  readonly countedBy: string;
  /** How many of those there are now; undefined when the server does not say. */
  readonly connections: number | undefined;
  /** @throws Failure when there is no server */
  start(): Promise<void>;
  stop(): Promise<void>;
}
