-- The recovery handlers of the conformance cases, as a Lua author writes them.
local lares = require "lares"

local Handlers = {}
Handlers.__index = Handlers

-- Register a handler. Each time it runs it does its words in their order: `7`
-- reports slot 7, `add 9` registers a handler 9 that reports slot 9, `remove
-- NAME` takes one away, `fail` fails.
function Handlers:add(name, ...)
    local words = { ... }
    self.named[name] = function()
        local slots, at = {}, 1
        while words[at] do
            if words[at] == "fail" then
                error("cannot recover")
            elseif tonumber(words[at]) then
                slots[#slots + 1] = tonumber(words[at])
                at = at + 1
            else -- add, remove
                self[words[at]](self, words[at + 1], words[at + 1])
                at = at + 2
            end
        end
        return slots
    end
    return self.registry:register(self.named[name], name)
end

-- Take a handler away, and return how many are left; nil if there is none.
function Handlers:remove(name)
    local handler = self.named[name]
    if handler and self.registry:remove(handler) then return #self.registry end
end

-- Run a pass, and return the slots that were recovered.
function Handlers:run()
    local slots = {}
    for i, result in ipairs(assert(self.registry:run())) do
        slots[i] = result.slot
    end
    return slots
end

function Handlers:report() return self.registry:report() end

-- The handlers of a node's registry, or of a lone one, known by their names.
return function(node)
    local registry = node and node.recovery or lares.recovery()
    return setmetatable({ registry = registry, named = {} }, Handlers)
end
