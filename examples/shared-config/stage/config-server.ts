// The server whose connection is shared, from the view of the story: the embedded registry or a running etcd.

export interface ConfigServer {
  /** For the sentence "… on http://…". */
  readonly name: string;
  readonly url: string;
  /** What is counted. */
  readonly unit: string;
  readonly countedBy: string;
  /** How many client connections there are now; undefined when the server does not say. */
  readonly connections: number | undefined;
  /** @throws Failure when there is no server */
  start(): Promise<void>;
  stop(): Promise<void>;
}
