// How a command fails: a sentence for the user, and the exit code.

/** 0 is done. Scripts rely on these. */
export const EXIT = { failed: 1, usage: 2, notRunning: 3 } as const;

export class CommandFailure extends Error {
  readonly exitCode: number;
  /** The files of an application cannot be made; commands that need no files may go on. */
  readonly isAboutFiles: boolean;

  private constructor(exitCode: number, message: string, isAboutFiles = false) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.isAboutFiles = isAboutFiles;
  }

  /** A folder or file of an application cannot be made. */
  static files(message: string): CommandFailure {
    return new CommandFailure(EXIT.failed, message, true);
  }

  /** The command was understood, and did not work. */
  static failed(message: string): CommandFailure {
    return new CommandFailure(EXIT.failed, message);
  }

  /** The command was not understood, or names something that does not exist. */
  static usage(message: string): CommandFailure {
    return new CommandFailure(EXIT.usage, message);
  }

  /** There is no application for the command. */
  static notRunning(message: string): CommandFailure {
    return new CommandFailure(EXIT.notRunning, message);
  }
}

const MEANS: Readonly<Record<string, string>> = {
  EACCES: 'it is not allowed',
  EPERM: 'it is not allowed',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'there is no such folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
};

/** Why the system has refused something, as the end of a sentence. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const meaning = MEANS[code ?? ''];
  return meaning === undefined ? message : `${meaning} (${code})`;
}
