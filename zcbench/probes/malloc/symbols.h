// Functions of a program by their names: what it exports, and what its own symbol table lists.
//
// A library that is linked into a program statically is in no dynamic symbol table, and in the file's own one
// (.symtab) unless the file was stripped.
#ifndef ZCBENCH_PROBES_MALLOC_SYMBOLS_H
#define ZCBENCH_PROBES_MALLOC_SYMBOLS_H

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "kernel.h"

// Larger ones are not searched: each process would pay for it when it starts.
enum { kLargestNames = 64 << 20 };

typedef struct {
  const char* name;
  void* found;
} Symbol;

static int main_program(struct dl_phdr_info* info, size_t size, void* base) {
  (void)size;
  *(uintptr_t*)base = info->dlpi_addr;
  return 1;  // it is the first one
}

static void search_table(const char* file, size_t size, uintptr_t base, Symbol* wanted, size_t count) {
  const ElfW(Ehdr)* head = (const void*)file;
  if (size < sizeof *head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
      head->e_shentsize != sizeof(ElfW(Shdr)) || head->e_shoff > size ||
      (size - head->e_shoff) / sizeof(ElfW(Shdr)) < head->e_shnum)
    return;
  const ElfW(Shdr)* sections = (const void*)(file + head->e_shoff);
  for (size_t i = 0; i < head->e_shnum; ++i) {
    const ElfW(Shdr)* listed = &sections[i];
    if (listed->sh_type != SHT_SYMTAB || listed->sh_link >= head->e_shnum) continue;
    const ElfW(Shdr)* names = &sections[listed->sh_link];
    if (listed->sh_offset > size || listed->sh_size > size - listed->sh_offset || names->sh_offset > size ||
        names->sh_size > size - names->sh_offset || !names->sh_size || names->sh_size > kLargestNames ||
        file[names->sh_offset + names->sh_size - 1])
      return;
    const ElfW(Sym)* symbols = (const void*)(file + listed->sh_offset);
    for (size_t at = 0; at < listed->sh_size / sizeof *symbols; ++at) {
      const ElfW(Sym)* symbol = &symbols[at];
      if ((symbol->st_info & 0xf) != STT_FUNC || !symbol->st_shndx || symbol->st_name >= names->sh_size)
        continue;
      const char* name = file + names->sh_offset + symbol->st_name;
      for (size_t one = 0; one < count; ++one)
        if (!wanted[one].found && *name == *wanted[one].name && strcmp(name, wanted[one].name) == 0)
          wanted[one].found = (void*)(base + symbol->st_value);
    }
  }
}

// Fill in `found`, where the program has it. Outside any allocation, and once: it reads the program's file.
static void find_symbols(Symbol* wanted, size_t count) {
  for (size_t i = 0; i < count; ++i) wanted[i].found = dlsym(RTLD_DEFAULT, wanted[i].name);
  int file = kernel_open("/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return;
  int64_t length = kernel_size(file);
  size_t size = length > 0 ? (size_t)length : 0;
  void* mapped = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
  if (mapped != MAP_FAILED) {
    uintptr_t base = 0;
    dl_iterate_phdr(main_program, &base);
    search_table(mapped, size, base, wanted, count);
    munmap(mapped, size);
  }
  kernel_close(file);
}

// Where the object lies in memory that has `address`; 0 where none does.
static uintptr_t object_of(const void* address) {
  Dl_info who;
  return address && dladdr(address, &who) ? (uintptr_t)who.dli_fbase : 0;
}

static uintptr_t placed(uintptr_t base, uintptr_t address) {
  return address < base ? base + address : address;  // not every loader adds the base
}

// What asks_in looks for: a function of `names` that an object other than `but` takes from elsewhere.
typedef struct {
  const char* const* names;
  uintptr_t but;
} Asked;

static int asks_in(struct dl_phdr_info* info, size_t size, void* given) {
  (void)size;
  const Asked* asked = given;
  const ElfW(Dyn)* entry = NULL;
  uintptr_t base = info->dlpi_addr, symbols = 0, names = 0, names_size = 0, first = UINTPTR_MAX;
  for (size_t i = 0; i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) entry = (const void*)(base + info->dlpi_phdr[i].p_vaddr);
    if (info->dlpi_phdr[i].p_type == PT_LOAD && base + info->dlpi_phdr[i].p_vaddr < first)
      first = base + info->dlpi_phdr[i].p_vaddr;
  }
  if (!entry || first == asked->but) return 0;
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_SYMTAB) symbols = placed(base, entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRTAB) names = placed(base, entry->d_un.d_ptr);
    if (entry->d_tag == DT_STRSZ) names_size = entry->d_un.d_val;
  }
  // Every linker puts the names after the symbols; no table says how many symbols there are.
  const ElfW(Sym)* symbol = (const void*)symbols;
  for (; symbols && (uintptr_t)(symbol + 1) <= names; ++symbol) {
    if (symbol->st_shndx != SHN_UNDEF || !symbol->st_name || symbol->st_name >= names_size) continue;
    for (size_t i = 0; asked->names[i]; ++i)
      if (strcmp((const char*)names + symbol->st_name, asked->names[i]) == 0) return 1;
  }
  return 0;
}

// Whether some object but `allocator` calls a function of `names` (the last one is NULL) that it has from
// another.
static int is_asked_for(const char* const* names, uintptr_t allocator) {
  Asked asked = {names, allocator};
  return dl_iterate_phdr(asks_in, &asked);
}

#endif  // ZCBENCH_PROBES_MALLOC_SYMBOLS_H
