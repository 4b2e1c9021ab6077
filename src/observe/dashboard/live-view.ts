// The newest view of the host, for everybody who looks at the dashboard. Watches the source only while somebody looks, says when
// the source is gone, and tries again until the source is back.

import type { HostView } from '../../host-view';

/** Where views of a host come from: a supervisor, or the processes at a cluster port. */
export interface HostViewSource {
  /** @throws Error with a sentence for the user when no view can be had */
  read(): Promise<HostView>;
  /** A view at once and after each change, at a bounded rate; ends with the signal, throws when the source is gone. */
  watch(signal: AbortSignal): AsyncIterable<HostView>;
}
