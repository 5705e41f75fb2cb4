# cmake -DFOLDER=… -DFUNCTION=… -DOUTPUT=… -P embed_migrations.cmake: the numbered .sql files of FOLDER as one C++ source
# with one function that returns them.
file(GLOB files ${FOLDER}/[0-9][0-9][0-9][0-9]_*.sql)
list(SORT files)
set(entries "")
set(number 0)
foreach(file ${files})
  math(EXPR number "${number} + 1")
  get_filename_component(name ${file} NAME)
  string(REGEX MATCH "^0*([0-9]+)_" unused ${name})
  if(NOT CMAKE_MATCH_1 EQUAL number)
    message(FATAL_ERROR "Migrations are numbered 0001, 0002, … without gaps: ${name} should have number ${number}.")
  endif()
  file(READ ${file} sql)
  string(APPEND entries "    {${number}, \"${name}\", R\"ph_sql(${sql})ph_sql\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Generated from the folder migrations. Changes belong there.
#include \"storage/migrations.h\"

namespace posthorn {

std::span<const Migration> ${FUNCTION}() {
  static constexpr Migration kMigrations[] = {
${entries}  };
  return kMigrations;
}

}  // namespace posthorn
")
