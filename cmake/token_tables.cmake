# hawser_token_tables(<target>)
# Compiles the rank tables of the encodings, once for all presets, and takes them into the target.
function(hawser_token_tables target)
  find_program(PYTHON3 python3 REQUIRED)
  set(scripts ${CMAKE_SOURCE_DIR}/tools/token_tables.py ${CMAKE_SOURCE_DIR}/tools/token_ranks.py)
  foreach(encoding o200k cl100k)
    set(output ${CMAKE_BINARY_DIR}/token_tables/${encoding}.tables)
    add_custom_command(OUTPUT ${output}
      COMMAND ${PYTHON3} ${CMAKE_SOURCE_DIR}/tools/token_tables.py ${encoding}_base ${output}
      DEPENDS ${scripts}
      COMMENT "Token tables of ${encoding}" VERBATIM)
    string(TOUPPER ${encoding} upper)
    target_compile_definitions(${target} PRIVATE HAWSER_${upper}_TABLES="${output}")
    list(APPEND outputs ${output})
  endforeach()
  # .incbin is no #include: the compiler does not tell of it.
  set_source_files_properties(tokenizer/vocabulary.cpp PROPERTIES OBJECT_DEPENDS "${outputs}")
endfunction()
