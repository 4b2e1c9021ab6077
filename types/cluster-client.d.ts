// cluster-client 3.7 has no types of its own; it is the reference peer of the interop tests and the benchmark.
declare module 'cluster-client' {
  interface LegacyBuilder {
    delegate(from: string, to?: string): this;
    override(name: string, value: unknown): this;
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- untyped as the library itself
    create(...args: any[]): any;
  }
  interface LegacyCluster {
    (upstreamClass: unknown, options?: object): LegacyBuilder;
    close(client: unknown): Promise<void>;
    APIClientBase: unknown;
  }
  const cluster: LegacyCluster;
  export = cluster;
}
