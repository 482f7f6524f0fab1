import type { Command, Option } from 'commander';

/** Adds a command that takes the program's settings over: errors are thrown, and output goes to the context. */
export function addCommand(
  program: Command,
  nameAndArguments: string,
  description: string,
  options: readonly Option[],
) {
  const command = program.command(nameAndArguments).description(description);
  for (const option of options) command.addOption(option);
  return command;
}
