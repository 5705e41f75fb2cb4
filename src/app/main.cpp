#include "app/cli.h"

int main(int argc, char** argv) {
  return posthorn::run_command_line(argc, argv);
}
