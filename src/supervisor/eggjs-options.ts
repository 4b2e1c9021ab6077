// The types of `@eggjs/cluster` 3.x under their names, for applications and frameworks that import them from egg.

import type { FrameworkOptions } from './host/options';

export type ClusterStartMode = NonNullable<FrameworkOptions['startMode']>;

/** Files of key and certificate; each worker reads them. */
export type ClusterHTTPSSecureOptions = Exclude<FrameworkOptions['https'], boolean | undefined>;

/** What `startCluster` of `@eggjs/cluster` takes. */
export interface ClusterOptions extends FrameworkOptions {
  /** @deprecated use `framework` */
  customEgg?: string | undefined;
  /** @deprecated use `https.key` */
  key?: string | undefined;
  /** @deprecated use `https.cert` */
  cert?: string | undefined;
  plugins?: object | undefined;
  isDebug?: boolean | undefined;
}

/** The options with their defaults, as `Agent` and `Application` get them. */
export interface MasterOptions extends ClusterOptions {
  baseDir: string;
  framework: string;
  workers: number;
  startMode: ClusterStartMode;
  port?: number | undefined;
  clusterPort?: number | undefined;
  stickyWorkerPort?: number | undefined;
}
