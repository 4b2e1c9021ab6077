// What Node.js does not let this process do: its permission model (`node --permission`) refuses everything that is not allowed
// by a flag. Some refusals cannot be caught by any caller, so permissions are asked for beforehand.

const FLAG_OF = { net: '--allow-net', child: '--allow-child-process', worker: '--allow-worker' } as const;

export type Permission = keyof typeof FLAG_OF;

interface PermissionModel {
  has(scope: string): boolean;
}

/** @returns the flag of node that is missing; undefined: the action is allowed, or this Node.js does not restrict it */
export function missingFlag(permission: Permission): string | undefined {
  const model = (process as { readonly permission?: PermissionModel }).permission;
  const flag = FLAG_OF[permission];
  // A permission model that does not know the flag restricts nothing of this kind.
  if (!model || !process.allowedNodeEnvironmentFlags.has(flag)) return undefined;
  return model.has(permission) ? undefined : flag;
}
