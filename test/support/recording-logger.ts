// A logger that keeps all lines.

import type { Logger } from '../../src/logger';

export interface RecordingLogger extends Logger {
  readonly lines: { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }[];
}

export function recordingLogger(): RecordingLogger {
  const lines: RecordingLogger['lines'] = [];
  return {
    lines,
    debug: (message) => lines.push({ level: 'debug', message }),
    info: (message) => lines.push({ level: 'info', message }),
    warn: (message) => lines.push({ level: 'warn', message }),
    error: (message) => lines.push({ level: 'error', message }),
  };
}
