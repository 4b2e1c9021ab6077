// What Node.js does not let this process do: its permission model (`node --permission`) refuses everything that is not
// allowed by a flag. Some of it is refused in a way that no caller can catch, so it is asked for beforehand.

const FLAG_OF = { net: '--allow-net', child: '--allow-child-process', worker: '--allow-worker' } as const;

export type Permission = keyof typeof FLAG_OF;

interface PermissionModel {
  has(scope: string): boolean;
}

/** @returns the flag of node that is missing; undefined: it is allowed, or this Node.js does not restrict it */
export function missingFlag(permission: Permission): string | undefined {
  const model = (process as { readonly permission?: PermissionModel }).permission;
  const flag = FLAG_OF[permission];
  // A model that does not know the flag denies what it does not restrict.
  if (!model || !process.allowedNodeEnvironmentFlags.has(flag)) return undefined;
  return model.has(permission) ? undefined : flag;
}
